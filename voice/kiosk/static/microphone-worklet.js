// In the browser's audio thread: microphone to frames of samples, frames to the loudspeaker.

const FRAME_SAMPLES = 512;
const FIRST_S = 0.12;
const LONGEST_S = 3;

/** Send what the microphone hears, in frames of 16-bit samples. */
class Capture extends AudioWorkletProcessor {
  #frame = new Int16Array(FRAME_SAMPLES);
  #filled = 0;

  process([input]) {
    for (const sample of input[0] ?? []) {
      this.#frame[this.#filled++] = 32767 * Math.max(-1, Math.min(1, sample));
      if (this.#filled === FRAME_SAMPLES) {
        this.port.postMessage(this.#frame.buffer, [this.#frame.buffer]);
        this.#frame = new Int16Array(FRAME_SAMPLES);
        this.#filled = 0;
      }
    }
    return true;
  }
}

/** Play frames as they come. A little waits first, so that uneven arrival is not heard. */
class Playback extends AudioWorkletProcessor {
  #frames = [];
  #at = 0;
  #waiting = 0;
  #plays = false;

  constructor() {
    super();
    this.port.onmessage = ({ data }) => {
      this.#frames.push(new Int16Array(data));
      this.#waiting += data.byteLength / 2;
      while (this.#waiting > LONGEST_S * sampleRate) this.#drop();
    };
  }

  #drop() {
    this.#waiting -= this.#frames.shift().length - this.#at;
    this.#at = 0;
  }

  process(_inputs, [[output]]) {
    this.#plays ||= this.#waiting >= FIRST_S * sampleRate;
    for (let to = 0; this.#plays && to < output.length; to++) {
      output[to] = this.#frames[0][this.#at++] / 32768;
      this.#waiting--;
      if (this.#at === this.#frames[0].length) {
        this.#frames.shift();
        this.#at = 0;
      }
      this.#plays = this.#waiting > 0;
    }
    return true;
  }
}

registerProcessor("capture", Capture);
registerProcessor("playback", Playback);
