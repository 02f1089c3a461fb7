// What the sections of the operator area are built of.

import { element } from "./page.js";

/** Return an element of a class, with a text or with children. */
export function part(kind, className, ...content) {
  const made = document.createElement(kind);
  if (className) made.className = className;
  made.append(...content.filter((one) => one !== "" && one !== null && one !== undefined));
  return made;
}

export function heading(text) {
  return element("h2", text);
}

export function button(text, press, className = "") {
  const made = element("button", text);
  made.type = "button";
  if (className) made.className = className;
  made.addEventListener("click", press);
  return made;
}

/** Return a line of buttons. */
export function actions(...buttons) {
  return part("div", "actions", ...buttons);
}

/** Return pairs of a word and what it stands for; those without a value are left out. */
export function facts(rows) {
  const list = element("dl", "");
  for (const [name, value] of rows) {
    if (value !== "" && value !== null && value !== undefined) {
      list.append(element("dt", name), typeof value === "string" ? element("dd", value) : part("dd", "", value));
    }
  }
  return list;
}

/** Return what is wrong or well, with a mark that is understood without colour. */
export function mark(state, ...content) {
  const sign = element("span", { ok: "✓", warning: "!", failure: "✗" }[state]);
  sign.className = "sign";
  sign.setAttribute("aria-hidden", "true");
  return part("div", `mark ${state}`, sign, part("div", "", ...content));
}

/** Return a text in English, as the assistant's own messages are. */
export function english(kind, text, className = "") {
  const made = element(kind, text);
  made.lang = "en";
  if (className) made.className = className;
  return made;
}

/** Return a place whose changes are read out. */
export function status() {
  const made = part("div", "status");
  made.setAttribute("role", "status");
  return made;
}

/** Return a bar that shows how far something is; without a total it moves. */
export function progress(name, done, total) {
  const bar = document.createElement("progress");
  bar.setAttribute("aria-label", name);
  if (total) Object.assign(bar, { value: done, max: total });
  return bar;
}

export function megabytes(bytes) {
  return `${(bytes / 1e6).toLocaleString(undefined, { maximumFractionDigits: 1 })} MB`;
}

/** Return a time of the assistant, ISO 8601 in UTC, as the clock on the wall shows it. */
export function local(time) {
  const date = new Date(time);
  const two = (number) => String(number).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":");
  return Number.isNaN(date.getTime()) ? String(time) : `${day} ${clock}`;
}
