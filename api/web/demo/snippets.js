// The code for the demo's steps, as you write it in a backend and in a page.

/** @typedef {{ title: string, code: string }} Snippet */
/** @typedef {{ payee: string, account: string, amount: number }} Payment the amount in cents */

/**
 * A payment as JavaScript.
 * @param {Payment} payment
 */
const custom = ({ payee, account, amount }) =>
  `{ amount: ${amount}, currency: "EUR", payee: ${JSON.stringify(payee)}, account: ${JSON.stringify(account)} }`;

/**
 * The code of a step. That of a payment names the one of the form.
 * @param {keyof typeof SNIPPETS | "pay" | "paid"} step
 * @param {Payment} [payment]
 * @returns {Snippet[]}
 */
export function snippets(step, payment) {
  if (step !== "pay" && step !== "paid") return SNIPPETS[step];
  return payment ? PAYMENTS[step](custom(payment)) : [];
}

/** @satisfies {Record<string, Snippet[]>} */
const SNIPPETS = {
  phone: [
    {
      title: "Your backend",
      code: `const { token } = await authsignal.track({
  userId: user.id,
  action: "enroll",
});
// A one-time ticket makes a short link. Show it as a QR code: the app, or the browser
// phone, enrolls its key with the ticket in the place of the token.
const made = await fetch(
  "https://push.example.com/v1/client/user-authenticators/push/ticket",
  { method: "POST", headers: { authorization: \`Bearer \${token}\` } },
);
const { ticket } = await made.json();
const link = \`https://push.example.com/phone#enroll=\${ticket}\`;`,
    },
  ],
  signIn: [
    {
      title: "Your backend, with the official SDK",
      code: `const { state, token } = await authsignal.track({
  userId: user.id,
  action: "signIn",
  attributes: { ipAddress: request.ip, userAgent: request.headers["user-agent"] },
});
// CHALLENGE_REQUIRED: give the token to the page.`,
    },
  ],
  waiting: [
    {
      title: "Your page",
      code: `import { Countersign } from "https://push.example.com/sdk/countersign.js";

const countersign = new Countersign();
countersign.setToken(token);
const { data, errorCode } = await countersign.push.authenticate({
  onProgress: (step) => step.type === "started" && showNumber(step.number),
});
if (data?.outcome === "approved") await finish(data.token);`,
    },
    {
      title: "Your backend",
      code: `// Only this says that the sign-in may go on.
const { isValid, userId } = await authsignal.validateChallenge({ token });`,
    },
  ],
  hosted: [
    {
      title: "Your page, with the official SDK",
      code: `const { token } = await authsignal.launch(url, { mode: "window" }); // or "popup", or "redirect"
// The token comes back whatever the answer was. Your backend learns which: validateChallenge.
if (token) await finish(token);`,
    },
  ],
};

/** @satisfies {Record<string, (payment: string) => Snippet[]>} */
const PAYMENTS = {
  pay: (payment) => [
    {
      title: "Your backend",
      code: `const { token } = await authsignal.track({
  userId: user.id,
  action: "pay",
  attributes: {
    // Shown on the phone, and part of what it signs.
    custom: ${payment},
  },
});`,
    },
  ],
  paid: (payment) => [
    {
      title: "Your backend",
      code: `const payment = ${payment};
const { isValid, action, approved } = await authsignal.validateChallenge({ token });
// The phone showed and signed \`approved\`. It has the members that push.custom_public names.
const isSame = Object.keys(payment).every((name) => approved?.custom?.[name] === payment[name]);
if (isValid && action === "pay" && isSame) await transfer(payment);`,
    },
  ],
};
