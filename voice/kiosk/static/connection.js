// The line to the assistant: what goes on there comes in, what is touched goes out.

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 5000;

/** Call `take` with every message and `lost` with the code whenever the line is broken; connect
 * again until the function that is returned is called. */
export function connect(take, lost, path = "/v1/events") {
  let waitMs = FIRST_WAIT_MS;
  let socket = null;
  let ended = false;
  const open = () => {
    if (ended) return;
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    socket = new WebSocket(`${scheme}://${location.host}${path}`);
    socket.addEventListener("message", (event) => {
      waitMs = FIRST_WAIT_MS;
      take(JSON.parse(event.data));
    });
    socket.addEventListener("close", ({ code }) => {
      if (ended) return;
      lost(code);
      checkSession();
      setTimeout(open, waitMs);
      waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS);
    });
  };
  open();
  return () => {
    ended = true;
    socket.close();
  };
}

/** On another machine: sign in again if the device knows this browser no more. */
async function checkSession() {
  if (location.protocol !== "https:") return;
  try {
    if ((await fetch("/v1/about")).status === 401) location.assign("/login");
  } catch {
    // the line is broken: it is tried again
  }
}

/** Send an object as JSON; false if the assistant did not take it. */
export async function send(method, path, body) {
  try {
    const response = await fetch(path, {
      method,
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    return response.ok;
  } catch {
    return false; // the line is broken: the state shows it already
  }
}

/** Return what does not change while the assistant runs: wake words, topics, approval, volume. */
export async function about() {
  const response = await fetch("/v1/about");
  return response.json();
}
