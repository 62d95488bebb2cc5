// Amounts of the demo: integers of cents, as the server takes them.

/** Cents of the dearest bill that the demo pays. */
const CENTS_MAX = 1_000_000;

/**
 * Reads the typed amount: euros, with a point or a comma before one or two decimals.
 * @param {string} text
 * @returns {number | undefined} cents, if the demo pays that much
 */
export function readCents(text) {
  const [, euros = "", decimals = ""] = /^(\d+)(?:[.,\u066b](\d{1,2}))?$/.exec(text.replace(/\s/g, "")) ?? [];
  const cents = Number(euros + decimals.padEnd(2, "0"));
  return euros !== "" && cents >= 1 && cents <= CENTS_MAX ? cents : undefined;
}

/**
 * Writes an amount as the server does for the phone, the same in every language.
 * @param {number} cents
 */
export function amountText(cents) {
  const [euros = "", decimals = ""] = (cents / 100).toFixed(2).split(".");
  return `EUR ${euros.replace(/\B(?=(\d{3})+$)/g, "\u00a0")}.${decimals}`;
}
