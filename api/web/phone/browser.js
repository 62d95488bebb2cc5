// The name of this browser.

import { TEXT } from "./text.js";

/**
 * This browser's name, as a suggestion for the device. The server names the browsers that challenges come from.
 * @param {string} agent
 */
export function browserName(agent) {
  // A fork names its base browser too, so that forks come first.
  /** @type {[RegExp, string][]} */
  const browsers = [[/Edg(A|iOS)?\//, "Edge"], [/OP[RTX]\//, "Opera"], [/SamsungBrowser\//, "Samsung Internet"], [/(Firefox|FxiOS)\//, "Firefox"], [/(Chrome|Chromium|CriOS)\//, "Chrome"], [/Version\/.*Safari\//, "Safari"]];
  /** @type {[RegExp, string][]} */
  const systems = [[/Android/, "Android"], [/iPhone/, "iPhone"], [/iPad/, "iPad"], [/Windows/, "Windows"], [/Mac OS X/, "macOS"], [/CrOS/, "ChromeOS"], [/Linux/, "Linux"]];
  const of = (/** @type {[RegExp, string][]} */ known) => known.find(([mark]) => mark.test(agent))?.[1];
  const [browser, system] = [of(browsers) ?? TEXT.unknownBrowser, of(systems)];
  return system ? TEXT.agent.replace("{browser}", browser).replace("{system}", system) : browser;
}
