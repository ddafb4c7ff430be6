"""The base of the nodes that load a model: lifecycle nodes that start themselves.

A node whose weights are missing or damaged stays unconfigured, says which file it wants and how
to get it, and can be configured again later (``ros2 lifecycle set NODE configure``).
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter
from std_srvs.srv import SetBool

from emotion_perception.ros.diagnostics import Diagnostics
from emotion_perception.ros.parameters import Parameters
from emotion_perception.ros.report import Reporter
from emotion_perception.ros.start import StartSettings
from emotion_perception.ros.timer import steady_timer

SettingsT = TypeVar('SettingsT', bound=StartSettings)


class ModelNode(LifecycleNode, Generic[SettingsT]):
    """A lifecycle node with settings, diagnostics, ``~/enable`` and self-start.

    Subclasses implement :meth:`load`, :meth:`start`, :meth:`stop` and :meth:`unload`, and look
    at :attr:`enabled` before they work.

    :param name: of the node.
    :param settings: its settings class. Live settings may be set at any time, others while the
        node is unconfigured: they are read at each configuration.
    :param arguments: passed on to rclpy's node (``parameter_overrides``, ``cli_args``, ...).
    """

    def __init__(self, name: str, settings: type[SettingsT], **arguments: Any) -> None:
        super().__init__(name, **arguments)
        self.parameters = Parameters(self, settings, reconfigurable=True)
        self.parameters.on_change(self._on_settings)
        self.report = Reporter(self)
        self.diagnostics = Diagnostics(self, self.facts)
        self.diagnostics.warn('not configured')
        self.diagnostics.rest(True)
        self.enabled = self.settings.enabled
        self.create_service(SetBool, '~/enable', self._on_enable)
        self._next_step = None
        if self.settings.autostart:
            self._soon(self.trigger_configure)

    @property
    def settings(self) -> SettingsT:
        """Return the settings; those that are not live stay while the node is configured."""
        return self.parameters.value

    def load(self) -> None:
        """Load models and create what needs the settings.

        :raises Exception: anything; its text is what the user reads.
        """

    def start(self) -> None:
        """Create subscriptions, publishers and workers."""

    def stop(self) -> None:
        """End what :meth:`start` made."""

    def unload(self) -> None:
        """Free what :meth:`load` made."""

    def switched(self, enabled: bool) -> None:
        """Take note of ``~/enable``."""

    def apply(self, settings: SettingsT) -> None:
        """Take over settings of which a live one was changed; also called while inactive.

        :raises Exception: if they cannot be used; then they stay as they were.
        """

    def facts(self) -> dict[str, object]:
        """Return further keys and values for the diagnostics."""
        return {}

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Read the parameters and load; stay unconfigured if that fails."""
        try:
            self.load()
        except Exception as error:
            self.get_logger().error(
                f'not configured: {error}\nWhen that is mended: '
                f'ros2 lifecycle set {self.get_fully_qualified_name()} configure'
            )
            self.diagnostics.error(str(error).splitlines()[0] if str(error) else repr(error))
            return TransitionCallbackReturn.FAILURE
        name = self.get_fully_qualified_name()
        self.parameters.hold(
            'is read when the node is configured: take it back first '
            f'(ros2 lifecycle set {name} deactivate, then cleanup), set it, and then '
            f'ros2 lifecycle set {name} configure'
        )
        self.diagnostics.warn('not active')
        if self.settings.autostart:
            self._soon(self.trigger_activate)
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Start to work."""
        self.start()
        self._say()
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop working; the model stays loaded."""
        self.stop()
        self.diagnostics.rest(True)
        self.diagnostics.warn('not active')
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free the model."""
        self.unload()
        self.parameters.release()
        self.diagnostics.warn('not configured')
        return super().on_cleanup(state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop and free."""
        if state.label == 'active':
            self.stop()
        if state.label in ('active', 'inactive'):
            self.unload()
        return super().on_shutdown(state)

    def destroy_node(self) -> None:
        """Stop the workers before the handles go."""
        if self._state_machine.initialized and self._state_machine.current_state[1] == 'active':
            self.stop()
        super().destroy_node()

    def _soon(self, step: Any) -> None:
        """Take the next step of the lifecycle from the executor, not from inside the last one."""
        if self._next_step is not None:
            self.destroy_timer(self._next_step)

        def once() -> None:
            self.destroy_timer(self._next_step)
            self._next_step = None
            label = self._state_machine.current_state[1]
            wanted = 'unconfigured' if step == self.trigger_configure else 'inactive'
            # Somebody else may have been quicker.
            if label == wanted:
                step()

        self._next_step = steady_timer(self, 0.0, once)

    def _on_settings(self, settings: SettingsT) -> None:
        self.apply(settings)
        if settings.enabled != self.enabled:
            self.enabled = settings.enabled
            self.switched(self.enabled)
            if self._state_machine.current_state[1] == 'active':
                self._say()

    def _say(self) -> None:
        """Say on the diagnostics whether the node works or rests."""
        self.diagnostics.ok('running' if self.enabled else 'disabled')
        self.diagnostics.rest(not self.enabled)

    def _on_enable(self, request: SetBool.Request, response: SetBool.Response) -> Any:
        # The parameter says what holds, whichever way it was set.
        self.set_parameters([Parameter('enabled', value=request.data)])
        response.success = True
        response.message = 'enabled' if self.enabled else 'disabled'
        return response
