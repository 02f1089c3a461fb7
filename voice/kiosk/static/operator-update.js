// The flashed model: what is in use, what a USB stick brings, and the way back.

import { confirmed, confirmedByPin } from "./operator-dialog.js";
import { request } from "./operator-line.js";
import { actions, button, english, facts, heading, local, mark, megabytes, part } from "./operator-parts.js";
import { problem, workPlace } from "./operator-work.js";
import { element } from "./page.js";

const LOOK_AGAIN_MS = 3000;

export function update(root, text) {
  const slots = part("div", "rows");
  const sticks = part("div", "rows");
  const told = part("div", "");
  const load = () => {
    showSlots(slots, told, text, load);
    showSticks(sticks, text);
  };
  const work = workPlace(text, "flash", (result) => [flashed(text, result)], load);
  root.append(
    heading(text.inUse), slots, told,
    heading(text.fromStick), work.place, sticks,
  );
  load();
  return {
    hear: (message) => {
      work.hear(message);
      if (message.type === "sticks") showSticks(sticks, text);
    },
  };
}

function flashed(text, { name, version, changed, seconds, health }) {
  const title = changed ? text.flashed(name, version) : text.alreadyInUse(name, version);
  const rows = [
    [text.doing.verifying, took(seconds.verifying)],
    [text.doing.installing, took(seconds.installing)],
    [text.doing.examining, took(seconds.examining)],
    [text.readyAfter, took(seconds.ready)],
    [text.speed, health.tokens_per_s ? `${health.tokens_per_s.toFixed(1)} token/s` : ""],
  ];
  return mark("ok", element("p", title), facts(rows));
}

function took(seconds) {
  return seconds === undefined ? "" : `${seconds.toFixed(1)} s`;
}

// ------------------------------------------------------------------ slots

async function showSlots(place, told, text, load) {
  const reply = await request("GET", "/v1/operator/slots");
  if (!reply.ok) return place.replaceChildren(mark("failure", element("p", problem(text, reply))));
  const { current, previous, unseen, state } = reply.body;
  const card = part(
    "article",
    "card",
    element("h3", current ? `${current.name} ${current.version}` : text.catalogue),
    state === "idle" ? "" : mark("warning", element("p", text.onTrial)),
    facts([[text.before, previous ? `${previous.name} ${previous.version}` : ""]]),
    current && actions(button(text.rollBack, () => rollBack(current, previous, told, text, load))),
  );
  return place.replaceChildren(...(unseen ? [failure(unseen, text, load)] : []), card);
}

function failure({ name, version, reason, at }, text, load) {
  const seen = async () => {
    await request("POST", "/v1/operator/notices/flash/seen", {});
    load();
  };
  return mark(
    "failure",
    element("h3", text.notUsed(name, version)),
    part("p", "soft", local(at)),
    english("p", reason),
    element("p", text.shownOutside),
    actions(button(text.seen, seen)),
  );
}

async function rollBack(current, previous, told, text, load) {
  const target = previous ? `${previous.name} ${previous.version}` : text.catalogue;
  const leaving = `${current.name} ${current.version}`;
  if (!(await confirmed(text, text.rollBack, text.rollBackTo(leaving, target), text.rollBack))) return;
  const reply = await request("POST", "/v1/operator/slots/rollback", { slot: current.id });
  const outcome = reply.ok
    ? mark("ok", element("p", text.rolledBack(target)))
    : mark("failure", element("p", problem(text, reply)));
  told.replaceChildren(outcome);
  load();
  setTimeout(load, LOOK_AGAIN_MS);
}

// ------------------------------------------------------------------ sticks

async function showSticks(place, text) {
  const reply = await request("GET", "/v1/operator/sticks");
  if (!reply.ok) return place.replaceChildren(mark("failure", element("p", problem(text, reply))));
  const cards = reply.body.sticks.map((offer) => stick(offer, text));
  return place.replaceChildren(...(cards.length ? cards : [element("p", text.noStick)]));
}

function stick({ stick: name, bundle, problem: obstacle, in_use: used }, text) {
  if (!bundle) {
    return part("article", "card", element("h3", name), mark("failure", english("p", obstacle)));
  }
  const rows = [
    [text.signedBy, bundle.signed_by],
    [text.created, bundle.created],
    [text.expires, bundle.expires],
    [text.size, megabytes(bundle.bytes)],
    [text.brings, bundle.roles.map((role) => text.roles[role] ?? role).join("、")],
    [text.licence, bundle.licence],
    [text.verdict, bundle.verdict],
  ];
  const state = used ? mark("ok", element("p", text.inUseAlready)) : obstacle && mark("failure", english("p", obstacle));
  const take = used || obstacle ? "" : actions(button(text.flash, () => flash(bundle, text), "primary"));
  return part(
    "article", "card",
    element("h3", `${bundle.name} ${bundle.version}`),
    part("p", "soft", name),
    facts(rows),
    evaluation(bundle.evaluation, text),
    state,
    take,
  );
}

/** Return a table of what the model could do before and after the training. */
function evaluation(rows, text) {
  if (!rows.length) return "";
  const line = (kind, cells) => part("tr", "", ...cells.map((cell) => element(kind, cell)));
  const number = (value) => (Number.isInteger(value) ? `${value}` : value.toFixed(3));
  const body = rows.map(([name, before, after]) => line("td", [name, number(before), number(after)]));
  const head = line("th", [text.measure, text.trainedBefore, text.trainedAfter]);
  const table = part("table", "", part("thead", "", head), part("tbody", "", ...body));
  return part("div", "wide", table);
}

function flash(bundle, text) {
  const words = text.flashWords(`${bundle.name} ${bundle.version}`);
  return confirmedByPin(text, text.flash, words, text.flash, async (pin) => {
    const reply = await request("POST", "/v1/operator/flash", { slot: bundle.id, pin });
    if (reply.ok) return "";
    if (reply.status === 403) return text.wrongPin;
    return reply.status === 429 ? text.wait(reply.waitS) : problem(text, reply);
  });
}
