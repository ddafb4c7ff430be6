// Copyright 2026 The emotion perception team
// SPDX-License-Identifier: Apache-2.0

// In the audio thread: samples in blocks of 32 ms, counted.

const BLOCK = 0.032;

class Recorder extends AudioWorkletProcessor {
  constructor() {
    super();
    this.block = new Int16Array(Math.round(BLOCK * sampleRate));
    this.filled = 0;
    this.first = null;
  }

  process([input]) {
    const samples = input[0];
    if (!samples) return true;
    // currentFrame goes on while nothing comes: a gap stays a gap.
    this.first ??= currentFrame;
    for (const sample of samples) {
      this.block[this.filled++] = Math.max(-1, Math.min(1, sample)) * 32767;
      if (this.filled === this.block.length) {
        this.port.postMessage({first: this.first, samples: this.block});
        this.first += this.filled;
        this.filled = 0;
      }
    }
    return true;
  }
}

registerProcessor('recorder', Recorder);
