// The button that gives this page's microphone to the assistant, where it has no other.

import { keep } from "./page.js";
import { giveMicrophone } from "./microphone-line.js";

export class MicrophoneButton {
  #button;
  #words = {};
  #how = "wanted";
  #end = null;

  constructor(button) {
    this.#button = button;
    button.addEventListener("click", () => (this.#end ? this.#stop() : this.#start()));
  }

  /** Show the button if the assistant wants the microphone; after a reload go on with it, where
   * the browser asks nobody any more. */
  async offer(wanted) {
    this.#button.hidden = !wanted;
    if (!wanted || this.#end || localStorage.microphone !== "yes") return;
    const { state } = await navigator.permissions.query({ name: "microphone" });
    if (state === "granted" && !this.#end) this.#start();
  }

  /** Show the texts of a language. */
  translate(words) {
    this.#words = words;
    this.#show();
  }

  #start() {
    keep("microphone", "yes");
    this.#end = giveMicrophone((how) => {
      if (how === "occupied" || how === "refused") this.#end = null;
      this.#tell(how);
    });
    this.#show();
  }

  #stop() {
    keep("microphone", "");
    this.#end();
    this.#end = null;
    this.#tell("wanted");
  }

  #tell(how) {
    this.#how = how;
    this.#show();
  }

  #show() {
    this.#button.textContent = this.#words[this.#how] ?? "";
  }
}
