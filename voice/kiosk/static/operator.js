// The operator area: sign in with the PIN, choose a section, sign out.

import { openLine, request, session } from "./operator-line.js";
import { PANELS } from "./operator-panels.js";
import { pinPad } from "./operator-pin.js";
import { STRINGS } from "./operator-strings.js";
import { chosenLanguage, element, fill, find, keep, page, put, toggle, translate } from "./page.js";

const SESSION = "/v1/operator/session";
/** A screen in a hall goes back to what it is there for when nobody signs in. */
const NOBODY_HERE_MS = 60_000;

let language = chosenLanguage();
let chosen = Object.keys(PANELS).includes(location.hash.slice(1)) ? location.hash.slice(1) : "sound";
let gate = { pin_set: true, signed_in: false, wait_s: 0 };
let closeLine = null;
let shown = null;
let nobody = null;

const strings = () => STRINGS[language];

// ------------------------------------------------------------------ in and out

async function enter(pin) {
  const reply = await request("POST", SESSION, { pin });
  if (!reply.ok) return refused(reply);
  admit(reply.body);
  return "";
}

/** Return what is wrong, in the language of the page. */
function refused({ status, body, waitS }) {
  if (status === 403) return strings().wrongPin;
  if (status === 429) return strings().wait(waitS);
  if (status === 0) return strings().unreachable;
  return body?.error?.message ?? strings().unreachable;
}

function admit(state) {
  gate = state;
  session.csrf = state.csrf;
  clearTimeout(nobody);
  closeLine ??= openLine(hear, showOffline, shut);
  show();
  find("panel").focus();
}

function shut() {
  closeLine?.();
  closeLine = null;
  session.csrf = "";
  gate = { ...gate, signed_in: false };
  find("dialog").close();
  showOffline(false);
  show();
  find("sign-in-pin")?.focus();
  look();
}

async function leave() {
  await request("DELETE", SESSION, {});
  location.assign("/");
}

/** Ask how things stand: whether there is a PIN, and whether this browser is signed in. */
async function look() {
  const reply = await request("GET", SESSION);
  if (reply.ok && reply.body.signed_in) return admit(reply.body);
  if (reply.ok) gate = reply.body;
  // Another machine needs a token, too, that lets operators in.
  else if (reply.status) gate = { ...gate, barred: reply.body.error.message };
  showGate();
  stay();
}

/** Go back to the public screen later, unless somebody does something. */
function stay() {
  clearTimeout(nobody);
  if (!gate.signed_in) nobody = setTimeout(() => location.assign("/"), NOBODY_HERE_MS);
}

// ------------------------------------------------------------------ what is shown

function show() {
  translate(STRINGS, language);
  page.dataset.view = gate.signed_in ? "area" : "gate";
  find("gate").hidden = gate.signed_in;
  find("area").hidden = !gate.signed_in;
  find("leave").hidden = !gate.signed_in;
  showGate();
  showTabs();
  showPanel();
}

function showGate() {
  if (gate.signed_in) return;
  put("how", gate.barred ?? (gate.pin_set ? "" : strings().howToSet));
  find("sign-in").hidden = Boolean(gate.barred) || !gate.pin_set;
  if (find("sign-in").hidden) return;
  const form = find("sign-in");
  // Built anew only in another language: somebody may be typing.
  if (form.lang !== strings().page) {
    pinPad(form, strings(), { submit: strings().enter, take: enter });
    form.lang = strings().page;
  }
  if (gate.wait_s) form.tell(strings().wait(gate.wait_s));
}

function showTabs() {
  fill("tabs", Object.keys(PANELS).map((name) => {
    const tab = element("button", strings().panels[name]);
    Object.assign(tab, { type: "button", role: "tab", id: `tab-${name}` });
    tab.tabIndex = name === chosen ? 0 : -1;
    tab.setAttribute("aria-selected", name === chosen);
    tab.setAttribute("aria-controls", "panel");
    tab.addEventListener("click", () => choose(name));
    return tab;
  }));
  find("panel").setAttribute("aria-labelledby", `tab-${chosen}`);
}

function showPanel() {
  shown = null;
  fill("panel", []);
  if (gate.signed_in) shown = PANELS[chosen](find("panel"), strings());
}

function choose(name) {
  chosen = name;
  history.replaceState(null, "", `#${name}`);
  showTabs();
  showPanel();
  find(`tab-${name}`).focus();
  find(`tab-${name}`).scrollIntoView({ block: "nearest", inline: "nearest" });
}

function showOffline(lost) {
  put("offline", lost ? strings().offline : "");
}

/** Pass on what the assistant tells: levels, and how far a work is. */
function hear(message) {
  shown?.hear?.(message);
}

// ------------------------------------------------------------------ what is touched

toggle("larger");
toggle("contrast");
find("language").addEventListener("click", () => {
  language = language === "zh" ? "en" : "zh";
  keep("language", language);
  show();
});
find("leave").addEventListener("click", leave);
find("tabs").addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const names = Object.keys(PANELS);
  choose(names[(names.indexOf(chosen) + step + names.length) % names.length]);
});
for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, stay);

session.ended = () => gate.signed_in && shut();
show();
look();
