// The screen: shows the picture that the assistant tells of, and passes on what is touched.

import { about, connect, send } from "./connection.js";
import { MicrophoneButton } from "./microphone.js";
import { chosenLanguage, element, fill, find, keep, page, put, toggle, translate } from "./page.js";
import { STRINGS } from "./strings.js";

const FIRST_SENTENCE = /^.*?(?:[。！？]|[.!?](?=\s|$))/s;
const ANSWER_STAYS_MS = 180_000;

let language = chosenLanguage();
let facts = { wake_words: [], topics: { zh: [], en: [] }, approval: "", volume: 1 };
const microphone = new MicrophoneButton(find("microphone"));
let topic = 0;
let picture = { state: "offline", partial: "", fault: "", turns: [], level_dbfs: -100, notices: {} };
let cleared = 0;

const strings = () => STRINGS[language];

// ------------------------------------------------------------------ what the assistant tells

const TAKE = {
  picture: (message) => { picture = message; },
  state_changed: (message) => { picture.state = message.state; },
  level_measured: (message) => { picture.level_dbfs = message.level_dbfs; },
  partial_transcript: (message) => { picture.partial = message.text; },
  final_transcript: ({ turn, heard, understood, language }) => {
    picture.partial = "";
    Object.assign(turnOf(turn), { heard, understood, language });
  },
  answer_begun: ({ turn, answer }) => { turnOf(turn).answer = answer; },
  answer_ready: ({ turn, answer }) => { turnOf(turn).answer = answer; },
  turn_ended: ({ turn, outcome }) => {
    picture.partial = "";
    const known = picture.turns.find((one) => one.turn === turn);
    if (known) known.outcome = outcome;
  },
  notice_posted: ({ name, notice }) => {
    picture.notices = { ...picture.notices, [name]: notice };
  },
  device_lost: ({ message }) => { picture.fault = message; },
  device_restored: () => { picture.fault = ""; },
};

function take(message) {
  const before = picture.state;
  TAKE[message.type]?.(message);
  if (message.type === "level_measured") return showLevel();
  if (message.type === "picture" && before === "offline") learn();
  show();
}

function turnOf(number) {
  let turn = picture.turns.find((one) => one.turn === number);
  if (!turn) {
    turn = { turn: number, heard: "", understood: "", language: "", answer: null, outcome: null };
    picture.turns = [...picture.turns, turn].slice(-10);
  }
  return turn;
}

async function learn() {
  facts = await about();
  find("volume").value = facts.volume;
  microphone.offer(facts.wants_microphone);
  showWords();
}

// ------------------------------------------------------------------ what is shown

function show() {
  const state = picture.state !== "offline" && picture.fault ? "fault" : picture.state;
  const text = strings();
  const turn = picture.turns.findLast((one) => one.turn > cleared);
  page.dataset.state = state;
  page.dataset.view = turn || picture.partial ? "turn" : "home";
  put("state", text.states[state]);
  put("hint", hintOf(state, text));
  showTurn(turn, text);
  showNotices(text);
}

/** Show what everybody must see, for example that a new model is not used. */
function showNotices(text) {
  const posted = Object.keys(text.notices).filter((name) => picture.notices[name]);
  find("notices").hidden = !posted.length;
  const lines = posted.map((name) => element("p", text.notices[name](picture.notices[name])));
  const before = [...find("notices").children].map((line) => line.textContent).join();
  // Writing the same text again would let screen readers say it again.
  if (lines.map((line) => line.textContent).join() !== before) fill("notices", lines);
}

function hintOf(state, text) {
  if (state === "offline") return text.offline;
  if (state === "fault") return facts.wants_microphone ? text.unheard : picture.fault;
  return state === "idle" && facts.wake_words.length ? text.call(facts.wake_words) : "";
}

function showTurn(turn, text) {
  const heard = picture.partial || turn?.heard || "";
  put("heard", heard && `${text.heard}：${heard}`);
  const repaired = turn && !picture.partial && turn.understood !== turn.heard;
  put("understood", repaired ? `${text.understood}：${turn.understood}` : "");
  showAnswer(turn?.answer, text);
  const ending = turn && !turn.answer && text.outcomes[turn.outcome];
  if (ending) put("understood", ending);
}

function showAnswer(answer, text) {
  find("answer").hidden = !answer;
  if (!answer) return;
  const first = answer.answer.match(FIRST_SENTENCE)?.[0] ?? answer.answer;
  find("answer").lang = STRINGS[answer.language].page;
  find("answer").dataset.decision = answer.decision;
  put("decision", text.decisions[answer.decision]);
  put("first", first);
  put("rest", answer.answer.slice(first.length));
  put("details", answer.details);
  const cited = answer.sources.map((source) => sourceOf(source, text));
  fill("sources", [...new Set(cited)].map((source) => element("li", source)));
  fill("offers", answer.offers.map((question) => questionButton(question, answer.language)));
}

function sourceOf({ issuer, title, year }, text) {
  return `${text.source}：${issuer}，${title}${year ? `（${text.year(year)}）` : ""}`;
}

function showLevel() {
  const level = Math.min(1, Math.max(0, (picture.level_dbfs + 60) / 50));
  page.style.setProperty("--level", level.toFixed(2));
}

/** Show all that depends on the language and on what the assistant knows. */
function showWords() {
  const text = strings();
  translate(STRINGS, language);
  put("approval", facts.approval && `${text.approval}：${facts.approval}`);
  showTopics();
  microphone.translate(text.microphone);
  show();
}

function showTopics() {
  const topics = facts.topics[language] ?? [];
  topic = Math.min(topic, Math.max(0, topics.length - 1));
  fill("tabs", topics.map(({ title }, number) => {
    const tab = element("button", title);
    Object.assign(tab, { type: "button", role: "tab", tabIndex: number === topic ? 0 : -1 });
    tab.setAttribute("aria-selected", number === topic);
    tab.setAttribute("aria-controls", "questions");
    tab.addEventListener("click", () => choose(number));
    return tab;
  }));
  const questions = topics[topic]?.questions ?? [];
  fill("questions", questions.map((question) => questionButton(question, language)));
}

function choose(number) {
  const count = find("tabs").children.length;
  topic = (number + count) % count;
  showTopics();
  find("tabs").children[topic].focus();
}

function questionButton(question, spoken) {
  const button = element("button", question);
  button.type = "button";
  button.lang = STRINGS[spoken].page;
  button.addEventListener("click", () => {
    send("POST", "/v1/ask", { text: question, language: spoken, aloud: true });
  });
  return button;
}

// ------------------------------------------------------------------ what is touched

function goHome() {
  cleared = picture.turns.at(-1)?.turn ?? cleared;
  show();
}

/** Return a function that is called when something happens; long after the last time the page
 * goes back to its beginning. */
function homeAfter(waitMs) {
  let timer;
  const look = () => {
    if (picture.state === "idle") goHome();
    else wait();
  };
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(look, waitMs);
  };
  return wait;
}

toggle("larger");
toggle("contrast");
find("language").addEventListener("click", () => {
  language = language === "zh" ? "en" : "zh";
  keep("language", language);
  showWords();
});
find("talk").addEventListener("click", () => send("POST", "/v1/command", { name: "wake" }));
find("volume").addEventListener("change", (event) => {
  send("PUT", "/v1/volume", { volume: Number(event.target.value) });
});
for (const button of document.querySelectorAll("[data-command]")) {
  button.addEventListener("click", () => {
    send("POST", "/v1/command", { name: button.dataset.command });
  });
}
find("tabs").addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (step) {
    event.preventDefault();
    choose(topic + step);
  }
});

find("home").addEventListener("click", goHome);

const happened = homeAfter(ANSWER_STAYS_MS);
showWords();
connect(
  (message) => {
    take(message);
    if (message.type !== "level_measured") happened();
  },
  () => {
    picture.state = "offline";
    show();
  },
);
