// The last turns: what was heard, understood, decided and answered, and how long each stage took.

import { request } from "./operator-line.js";
import { actions, button, heading, local, mark, part } from "./operator-parts.js";
import { element } from "./page.js";

export function turns(root, text) {
  const list = part("div", "rows");
  const again = button(text.again, () => load(list, text));
  root.append(heading(text.panels.turns), actions(again), list);
  load(list, text);
  return {};
}

async function load(list, text) {
  const reply = await request("GET", "/v1/operator/turns");
  if (!reply.ok) return list.replaceChildren(mark("failure", element("p", text.unreachable)));
  const rows = reply.body.turns.map((turn) => row(turn, text));
  return list.replaceChildren(...(rows.length ? rows : [element("p", text.noTurn)]));
}

function row(turn, text) {
  const decision = text.decisions[turn.decision] ?? turn.decision;
  const ended = text.endings[turn.outcome] ?? turn.outcome;
  const head = part("p", "soft", [local(turn.at), decision, ended].filter(Boolean).join(" · "));
  const question = element("h3", turn.understood || turn.heard || "—");
  const heard = turn.heard && turn.heard !== turn.understood ? `${text.heard}：${turn.heard}` : "";
  return part(
    "article",
    "card",
    head,
    question,
    heard && part("p", "soft", heard),
    turn.answer && element("p", turn.answer),
    turn.failed && mark("failure", element("p", turn.failed)),
    stages(turn, text),
  );
}

function stages({ stages_s: seconds, voice_to_voice_s: whole }, text) {
  const names = Object.keys(seconds).filter((name) => name !== "spoken" && seconds[name] > 0);
  if (!names.length) return "";
  const bar = part("div", "stages", ...names.map((name) => {
    const piece = part("span", `stage ${name}`);
    piece.style.setProperty("flex-grow", 1000 * seconds[name]); // below 1 in all it would not fill
    return piece;
  }));
  bar.setAttribute("aria-hidden", "true");
  const told = names.map((name) => `${text.stages[name] ?? name} ${seconds[name].toFixed(2)} s`);
  const all = whole === null ? "" : `${text.voiceToVoice} ${whole.toFixed(2)} s`;
  return part("div", "timing", bar, part("p", "soft", [all, ...told].filter(Boolean).join(" · ")));
}
