// The link that adds a phone. It carries the token in the fragment, which no server sees and no log keeps.

/** @param {string} token */
export function enrollmentLink(token) {
  const link = new URL("../phone", import.meta.url);
  link.hash = new URLSearchParams({ enroll: token }).toString();
  return link.href;
}
