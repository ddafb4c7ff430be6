# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The base of the nodes that load a model: lifecycle nodes that start themselves.

A node whose weights are missing or damaged stays unconfigured, says which file it wants and how
to get it, and can be configured again later (``ros2 lifecycle set NODE configure``).
"""

from __future__ import annotations

import gc
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter
from rclpy.timer import Timer
from std_srvs.srv import SetBool

from emotion_perception import memory
from emotion_perception.ros import hang
from emotion_perception.ros.diagnostics import Diagnostics
from emotion_perception.ros.parameters import Parameters
from emotion_perception.ros.report import Reporter
from emotion_perception.ros.start import StartSettings
from emotion_perception.ros.timer import once

# Seconds after which an executor has let go of what was destroyed.
_MOMENT = 1.0


class Work(ABC):
    """What a node has while it is active: made at each activation, ended at each deactivation.

    Subclasses create publishers, workers and subscriptions in their constructor.
    """

    @abstractmethod
    def stop(self) -> None:
        """End what the constructor made."""

    def switched(self, enabled: bool) -> None:  # noqa: B027 (a hook: most have nothing to do)
        """Take note that the node was switched on or off."""

    def facts(self) -> dict[str, object]:
        """Return keys and values for the diagnostics."""
        return {}


SettingsT = TypeVar('SettingsT', bound=StartSettings)
LoadedT = TypeVar('LoadedT')


class ModelNode(LifecycleNode, Generic[SettingsT, LoadedT], ABC):
    """A lifecycle node with settings, diagnostics, ``~/enable`` and self-start.

    Subclasses say how to :meth:`load` what they need and how to :meth:`start` to work with it.
    What is loaded is handed to them, and what lives while the node is active is one object that
    holds it: no code meets a model that is not there.

    :param name: of the node.
    :param settings: its settings class. Live settings may be set at any time, others while the
        node is unconfigured: they are read at each configuration.
    :param arguments: passed on to rclpy's node (``parameter_overrides``, ``cli_args``, ...).
    """

    def __init__(self, name: str, settings: type[SettingsT], **arguments: Any) -> None:
        super().__init__(name, **arguments)
        self.loaded: LoadedT | None = None
        """What :meth:`load` returned, while the node is configured."""
        self._work: Work | None = None
        self.parameters = Parameters(self, settings, reconfigurable=True)
        self.parameters.on_change(self._on_settings)
        self.report = Reporter(self)
        self.diagnostics = Diagnostics(self, self._facts)
        self.diagnostics.warn('not configured')
        self.diagnostics.rest(True)
        self.enabled = self.settings.enabled
        self.create_service(SetBool, '~/enable', self._on_enable)
        self._next_step: Timer | None = None
        if self.settings.autostart:
            self._soon(self.trigger_configure, 'unconfigured')

    @property
    def settings(self) -> SettingsT:
        """Return the settings; those that are not live stay while the node is configured."""
        return self.parameters.value

    @abstractmethod
    def load(self, settings: SettingsT) -> LoadedT:
        """Load models and make what needs the settings.

        :raises Exception: anything; its text is what the user reads.
        """

    @abstractmethod
    def start(self, loaded: LoadedT) -> Work:
        """Begin to work with what was loaded."""

    def apply(self, loaded: LoadedT, settings: SettingsT) -> None:
        """Take settings over: once after :meth:`load`, and when a live one is changed.

        :raises Exception: if they cannot be used; then they stay as they were.
        """

    def facts(self, loaded: LoadedT | None) -> dict[str, object]:
        """Return keys and values for the diagnostics; ``None`` while nothing is loaded."""
        return {}

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Read the parameters and load; stay unconfigured if that fails."""
        hang.pause()
        try:
            with memory.apart():
                loaded = self.load(self.settings)
            self.apply(loaded, self.settings)
        except Exception as error:
            self.get_logger().error(
                f'not configured: {error}\nWhen that is mended: '
                f'ros2 lifecycle set {self.get_fully_qualified_name()} configure'
            )
            self.diagnostics.error(str(error).splitlines()[0] if str(error) else repr(error))
            return TransitionCallbackReturn.FAILURE
        self.loaded = loaded
        name = self.get_fully_qualified_name()
        self.parameters.hold(
            'is read when the node is configured: take it back first '
            f'(ros2 lifecycle set {name} deactivate, then cleanup), set it, and then '
            f'ros2 lifecycle set {name} configure'
        )
        self.diagnostics.warn('not active')
        if self.settings.autostart:
            self._soon(self.trigger_activate, 'inactive')
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Start to work."""
        if self.loaded is None:
            return TransitionCallbackReturn.ERROR
        self._work = self.start(self.loaded)
        self._say()
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop working; the model stays loaded."""
        self._stop()
        self.diagnostics.warn('not active')
        self.diagnostics.rest(True)
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free the model."""
        self.loaded = None
        # What worked with it and its callbacks refer to each other: only the collector frees them,
        # and it knows nothing of the memory and the files of a model. What the executor is about
        # to call it holds for a moment longer.
        gc.collect()
        once(self, _MOMENT, gc.collect)
        self.parameters.release()
        self.diagnostics.warn('not configured')
        return super().on_cleanup(state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop and free."""
        self._stop()
        self.loaded = None
        return super().on_shutdown(state)

    def destroy_node(self) -> None:
        """Stop the workers before the handles go, and leave the graph at once."""
        self._stop()
        super().destroy_node()
        # It holds the node's handle, and rclpy lets go of it only when the collector comes by:
        # until then the node would be seen, and another of its name have no /rosout.
        self._state_machine.destroy_when_not_in_use()

    def _stop(self) -> None:
        work, self._work = self._work, None
        if work is not None:
            work.stop()

    def _soon(self, step: Callable[[], object], wanted: str) -> None:
        """Take the next step of the lifecycle from the executor, not from inside the last one.

        :param wanted: the state that the step begins in: somebody else may be quicker.
        """
        if self._next_step is not None:
            self.destroy_timer(self._next_step)

        def take() -> None:
            self._next_step = None
            if self._state_machine.current_state[1] == wanted:
                step()

        self._next_step = once(self, 0.0, take)

    def _facts(self) -> dict[str, object]:
        found = self.facts(self.loaded)
        if self._work is not None:
            found.update(self._work.facts())
        return {**found, 'warnings': self.report.warnings}

    def _say(self) -> None:
        """Say on the diagnostics whether the node works or rests."""
        self.diagnostics.ok('running' if self.enabled else 'disabled')
        self.diagnostics.rest(not self.enabled)

    def _on_settings(self, settings: SettingsT) -> None:
        if self.loaded is not None:
            self.apply(self.loaded, settings)
        if settings.enabled == self.enabled:
            return
        self.enabled = settings.enabled
        if self._work is not None:
            self._work.switched(self.enabled)
            self._say()

    def _on_enable(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        # The parameter says what holds, whichever way it was set.
        self.set_parameters([Parameter('enabled', value=request.data)])
        response.success = True
        response.message = 'enabled' if self.enabled else 'disabled'
        return response
