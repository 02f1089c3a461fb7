// A field for the PIN with keys to touch: most screens of this kind have no keyboard.

import { element } from "./page.js";

const MOST_DIGITS = 16;

/** Fill a form with the field and its keys. `take` gets the digits and returns what is wrong, or
 * nothing; `cancel` adds a way out. The form gets `tell`, which shows what is wrong. */
export function pinPad(form, text, { submit, take, cancel }) {
  const field = element("input", "");
  Object.assign(field, {
    id: `${form.id}-pin`,
    type: "password",
    inputMode: "numeric",
    autocomplete: "off",
    maxLength: MOST_DIGITS,
    required: true,
  });
  const label = element("label", text.pin);
  label.htmlFor = field.id;
  const told = element("p", "");
  told.className = "told";
  told.setAttribute("role", "alert");
  const keys = element("div", "");
  keys.className = "keys";
  keys.append(...keysOf(field, text));
  const enter = element("button", submit);
  Object.assign(enter, { type: "submit", className: "primary" });
  form.replaceChildren(label, field, told, keys, enter);
  if (cancel) form.append(cancelButton(text, cancel));
  form.tell = (problem) => { told.textContent = problem; };
  form.onsubmit = async (event) => {
    event.preventDefault();
    const digits = field.value;
    field.value = "";
    enter.disabled = true;
    form.tell((await take(digits)) ?? "");
    enter.disabled = false;
    field.focus();
  };
  field.focus();
}

function keysOf(field, text) {
  const digits = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "", "0"];
  const keys = digits.map((digit) => key(digit, digit, () => {
    if (field.value.length < MOST_DIGITS) field.value += digit;
  }));
  keys[9].disabled = true;
  keys[9].setAttribute("aria-hidden", "true");
  return [...keys, key("⌫", text.erase, () => { field.value = field.value.slice(0, -1); })];
}

function key(shown, name, press) {
  const button = element("button", shown);
  button.type = "button";
  button.setAttribute("aria-label", name);
  button.addEventListener("click", press);
  return button;
}

function cancelButton(text, cancel) {
  const button = element("button", text.cancel);
  button.type = "button";
  button.addEventListener("click", cancel);
  return button;
}
