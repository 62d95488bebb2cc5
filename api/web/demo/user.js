// The user whom this browser plays. Each browser has one of its own, so that people who try the demo of one server at
// the same time do not approve for each other.

const KEY = "countersign demo user";
const FIRST_NAME = "robin";
/** Random characters behind the name: 32 to the power of 6 names. */
const CHARACTERS = 6;
const ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789";

/** The name where nothing can be stored. @type {string | undefined} */
let unstored;

/** A name that no other browser has. */
function newName() {
  const bytes = crypto.getRandomValues(new Uint8Array(CHARACTERS));
  return `${FIRST_NAME}-${[...bytes].map((byte) => ALPHABET[byte % ALPHABET.length]).join("")}`;
}

/** The user of this browser, who is made up at the first visit. */
export function user() {
  let known = unstored;
  try {
    known ??= localStorage.getItem(KEY) ?? undefined;
  } catch {
    // The browser blocks storage: the name lives as long as the page.
  }
  return known ?? rename("");
}

/**
 * Plays somebody else from now on.
 * @param {string} name somebody new where it is empty
 */
export function rename(name) {
  const chosen = name.trim() || newName();
  unstored = undefined;
  try {
    localStorage.setItem(KEY, chosen);
  } catch {
    unstored = chosen;
  }
  return chosen;
}
