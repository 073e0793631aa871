// What a page says (a tone of its own) and hears, as samples for the test.

const WORKLET = `registerProcessor('ear', class extends AudioWorkletProcessor {
  process([[channel]]) {
    if (channel) this.port.postMessage(channel.slice());
    return true;
  }
});`;

let shared = null;

function context() {
  shared = shared || new AudioContext();
  return shared;
}

export class Voice {
  constructor(hz) {
    const oscillator = new OscillatorNode(context(), { frequency: hz });
    this.gain = new GainNode(context(), { gain: 0.3 });
    oscillator.connect(this.gain);
    oscillator.start();
  }

  stream() {
    const out = new MediaStreamAudioDestinationNode(context(), { channelCount: 1 });
    this.gain.connect(out);
    return out.stream;
  }
}

export class Ear {
  hear(track) {
    // Chromium decodes only what some element plays.
    const stream = new MediaStream([track]);
    const player = new Audio();
    player.muted = true;
    player.srcObject = stream;
    player.play().catch(() => {});
    this.player = player;
    this.stream = stream;
  }

  // The last track from now on: {rate, data}, 16 bits a sample in base64.
  async listen(seconds) {
    const audio = context();
    if (!this.ready) {
      const url = URL.createObjectURL(new Blob([WORKLET], { type: 'text/javascript' }));
      this.ready = audio.audioWorklet.addModule(url);
    }
    await this.ready;
    const source = new MediaStreamAudioSourceNode(audio, { mediaStream: this.stream });
    const node = new AudioWorkletNode(audio, 'ear', { numberOfOutputs: 0 });
    const pieces = [];
    let missing = Math.round(seconds * audio.sampleRate);
    const done = new Promise((resolve) => {
      node.port.onmessage = ({ data }) => {
        pieces.push(data);
        missing -= data.length;
        if (missing <= 0) resolve();
      };
    });
    source.connect(node);
    await done;
    source.disconnect();
    node.port.onmessage = null;
    const samples = new Int16Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
    let at = 0;
    for (const piece of pieces) for (const value of piece) samples[at++] = value * 32767;
    const bytes = new Uint8Array(samples.buffer);
    let text = '';
    for (let i = 0; i < bytes.length; i += 8192) {
      text += String.fromCharCode(...bytes.subarray(i, i + 8192));
    }
    return { rate: audio.sampleRate, data: btoa(text) };
  }
}
