// The line between the operator's page and the assistant.

import { connect } from "./connection.js";

const EVENTS = "/v1/operator/events";
const SIGNED_OUT = 4401;

/** What every change must carry, which the page gets when somebody signs in; and what to do when
 * the assistant knows of no session any more. */
export const session = { csrf: "", ended: () => {} };

let loading = 0;

/** Count what is being loaded, so that a screen reader waits for it. */
function load(more) {
  loading += more;
  document.getElementById("panel").setAttribute("aria-busy", loading > 0);
}

/** Ask the assistant; return status (0 = it cannot be reached), body and seconds to wait. */
export async function request(method, path, body) {
  const headers = body === undefined ? {} : { "Content-Type": "application/json" };
  if (session.csrf) headers["X-Hean-Session"] = session.csrf;
  const more = method === "GET" ? 1 : 0;
  load(more);
  try {
    const response = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
    const waitS = Number(response.headers.get("Retry-After") ?? 0);
    if (response.status === 401) session.ended();
    return { ok: response.ok, status: response.status, body: await response.json(), waitS };
  } catch {
    return { ok: false, status: 0, body: null, waitS: 0 };
  } finally {
    load(-more);
  }
}

/** Call `take` with every message, `lost` with whether the line is broken, and `signedOut` when
 * the session is over. Returns a function that closes the line. */
export function openLine(take, lost, signedOut) {
  return connect(
    (message) => {
      lost(false);
      take(message);
    },
    (code) => {
      if (code === SIGNED_OUT) signedOut();
      else lost(true);
    },
    EVENTS,
  );
}
