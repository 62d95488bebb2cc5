// Numbers as people type and paste them: with the digits of their own script, and with blanks.

const DIGIT = /^\p{Decimal_Number}$/u;
/** White space, and characters that nobody sees, such as the marks of writing direction. */
const BLANKS = /[\p{White_Space}\p{Default_Ignorable_Code_Point}]+/gu;

/**
 * A text with every decimal digit of Unicode as its ASCII digit, and without blanks. Everything else stays.
 * @param {string} text
 */
export function plainDigits(text) {
  return text.replace(BLANKS, "").replace(/\p{Decimal_Number}/gu, (digit) => String(valueOf(digit)));
}

/**
 * The value of a decimal digit. Unicode keeps each set of ten in order and side by side, so the distance from
 * the start of a run gives it, even where several sets follow each other.
 * @param {string} digit
 */
function valueOf(digit) {
  const code = digit.codePointAt(0) ?? 0;
  let start = code;
  while (start > 0 && DIGIT.test(String.fromCodePoint(start - 1))) start -= 1;
  return (code - start) % 10;
}
