"""Models of the Hugging Face hub: fetching them, and what to say when that fails."""

from __future__ import annotations

from pathlib import Path

from emotion_perception.models.errors import ModelError


def fetch_from_hub(name: str) -> Path:
    """Download a model of the hub into the hub's own cache and return its directory.

    :raises ModelError: if it does not exist there or the network fails.
    """
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise ModelError(f'fetching {name} needs Transformers: run `./emotion setup --training`'
                         ) from error
    try:
        return Path(snapshot_download(name, allow_patterns=['*.json', '*.txt', '*.safetensors',
                                                            'pytorch_model*.bin']))
    except Exception as error:
        # The hub library raises its own, httpx's and OS errors.
        raise hub_error(name, False, error) from error


def hub_error(name: str, offline: bool, error: Exception) -> ModelError:
    """Return the error for a hub model that could not be had."""
    reason = ' '.join(str(error).split())[:300]
    how = ('offline is set, and it is not in the local cache' if offline
           else f'it is not in the local cache and the hub did not give it: {reason}')
    return ModelError(f'model {name}: {how}; run `python -m emotion_perception.models fetch '
                      f'{name}` where there is a network, or give the path of a directory '
                      'written by save_pretrained')
