// The microphone: its level as it is now, and a test.

import { request } from "./operator-line.js";
import { actions, button, facts, heading, mark, part, status } from "./operator-parts.js";
import { element } from "./page.js";

const QUIETEST_DB = -70;

export function sound(root, text) {
  const fill = part("div", "fill");
  const meter = part("div", "meter", fill);
  meter.setAttribute("role", "meter");
  meter.setAttribute("aria-label", text.level);
  meter.setAttribute("aria-valuemin", QUIETEST_DB);
  meter.setAttribute("aria-valuemax", 0);
  meter.setAttribute("aria-valuenow", QUIETEST_DB);
  const number = part("output", "level", "—");
  const told = status();
  const run = (play) => test(text, told, play, [only, both]);
  const only = button(text.test, () => run(false), "primary");
  const both = button(text.testAndPlay, () => run(true));
  root.append(
    heading(text.panels.sound),
    part("div", "level-row", meter, number),
    element("p", text.speakNormally),
    actions(only, both),
    told,
  );
  return {
    hear: (message) => {
      if (message.type === "level") show(meter, fill, number, message.level_dbfs);
    },
  };
}

function show(meter, fill, number, level) {
  const share = Math.min(1, Math.max(0, 1 - level / QUIETEST_DB));
  fill.style.setProperty("--share", share.toFixed(3));
  meter.setAttribute("aria-valuenow", Math.max(QUIETEST_DB, level));
  number.textContent = `${level.toFixed(0)} dB`;
}

async function test(text, told, play, buttons) {
  for (const one of buttons) one.disabled = true;
  told.replaceChildren(element("p", text.listening));
  const reply = await request("POST", "/v1/operator/microphone", { play });
  for (const one of buttons) one.disabled = false;
  told.replaceChildren(reply.ok ? judged(text, reply.body, play) : failed(text, reply));
  buttons[play ? 1 : 0].focus();
}

function failed(text, reply) {
  return mark("failure", element("p", reply.body?.error?.message ?? text.unreachable));
}

function judged(text, found, play) {
  const state = { good: "ok", dead: "failure" }[found.verdict] ?? "warning";
  return mark(
    state,
    element("p", text.verdicts[found.verdict]),
    facts([
      [text.loudest, `${found.level_dbfs.toFixed(0)} dB`],
      [text.noise, `${found.noise_dbfs.toFixed(0)} dB`],
      [text.peak, `${found.peak_dbfs.toFixed(0)} dB`],
      [text.clipped, `${(100 * found.clipped).toFixed(1)} %`],
    ]),
    play && !found.played ? element("p", text.notPlayed) : "",
  );
}
