// Asks before something is changed.

import { pinPad } from "./operator-pin.js";
import { element, find, put } from "./page.js";

/** Ask for a yes; true if it came. */
export function confirmed(text, title, words, yes) {
  return new Promise((answer) => {
    const agree = element("button", yes);
    Object.assign(agree, { type: "button", className: "primary" });
    const cancel = element("button", text.cancel);
    cancel.type = "button";
    find("dialog-form").replaceChildren(agree, cancel);
    agree.addEventListener("click", () => end(true));
    cancel.addEventListener("click", () => end(false));
    const end = open(title, words, answer, false);
    cancel.focus();
  });
}

/** Ask for the PIN; `take` gets it and returns what is wrong. Closed when nothing is wrong. */
export function confirmedByPin(text, title, words, yes, take) {
  return new Promise((answer) => {
    const end = open(title, words, answer, false);
    pinPad(find("dialog-form"), text, {
      submit: yes,
      cancel: () => end(false),
      take: async (pin) => {
        const problem = await take(pin);
        if (!problem) end(true);
        return problem;
      },
    });
  });
}

function open(title, words, answer, otherwise) {
  const dialog = find("dialog");
  put("dialog-title", title);
  put("dialog-text", words);
  let result = otherwise;
  dialog.onclose = () => answer(result);
  dialog.showModal();
  return (value) => {
    result = value;
    dialog.close();
  };
}
