// The microphone and the loudspeaker of this page, for an assistant that has no others.

const RATE_HZ = 16_000; // what the assistant hears
const WORKLET = "/static/microphone-worklet.js";
const OCCUPIED = 1013;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 5000;
const MOST_UNSENT_BYTES = 64_000; // two seconds; what is older helps nobody

/** Give this page's microphone to the assistant, again each time that the line was broken.
 *
 * Calls `tell` with "given", "broken", "occupied" or "refused". Returns a function that ends it.
 */
export function giveMicrophone(tell) {
  const line = new Line(tell);
  line.begin();
  return () => line.end();
}

class Line {
  #tell;
  #ended = false;
  #waitMs = FIRST_WAIT_MS;
  #contexts = [];
  #stream = null;
  #socket = null;
  #player = null;

  constructor(tell) {
    this.#tell = tell;
  }

  async begin() {
    try {
      await this.#open();
    } catch {
      this.end(); // no microphone, or the person said no
      this.#tell("refused");
      return;
    }
    if (!this.#ended) this.#connect();
  }

  end() {
    this.#ended = true;
    this.#socket?.close();
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    for (const context of this.#contexts) context.close();
    this.#contexts = [];
  }

  async #open() {
    // The browser takes the assistant's voice out of what it hears, for it is what plays it.
    this.#stream = await navigator.mediaDevices.getUserMedia({
      audio: { channelCount: 1, echoCancellation: true, noiseSuppression: false },
    });
    const context = await this.#context(RATE_HZ);
    const capture = new AudioWorkletNode(context, "capture", { numberOfOutputs: 0 });
    capture.port.onmessage = ({ data }) => this.#hear(data);
    context.createMediaStreamSource(this.#stream).connect(capture);
  }

  async #context(sampleRate) {
    const context = new AudioContext({ sampleRate });
    this.#contexts.push(context);
    await context.audioWorklet.addModule(WORKLET);
    return context;
  }

  #hear(frame) {
    const socket = this.#socket;
    if (socket?.readyState === WebSocket.OPEN && socket.bufferedAmount < MOST_UNSENT_BYTES) {
      socket.send(frame);
    }
  }

  #connect() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/v1/microphone`);
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", ({ data }) => this.#take(data));
    socket.addEventListener("close", ({ code }) => this.#lost(code));
    this.#socket = socket;
  }

  async #take(data) {
    if (data instanceof ArrayBuffer) {
      this.#player?.port.postMessage(data, [data]);
      return;
    }
    this.#waitMs = FIRST_WAIT_MS;
    this.#tell("given");
    if (this.#player) return;
    const context = await this.#context(JSON.parse(data).rate_hz);
    this.#player = new AudioWorkletNode(context, "playback", { outputChannelCount: [1] });
    this.#player.connect(context.destination);
  }

  #lost(code) {
    if (this.#ended) return;
    if (code === OCCUPIED) {
      this.end();
      this.#tell("occupied");
      return;
    }
    this.#tell("broken");
    setTimeout(() => this.#ended || this.#connect(), this.#waitMs);
    this.#waitMs = Math.min(2 * this.#waitMs, LONGEST_WAIT_MS);
  }
}
