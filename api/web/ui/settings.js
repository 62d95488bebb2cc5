// The user's devices: which there are, one more, one less.

import { button, h, isolate, timeText } from "../shared/dom.js";
import { enrollmentLink } from "../shared/enroll.js";
import { icon } from "../shared/icons.js";
import { enrollmentCode, newDevice } from "./link.js";
import { announce, fillIn, view } from "./page.js";
import { TEXT } from "./text.js";

/** @import { Authenticator, Push } from "../sdk/countersign.js" */

/** @param {Authenticator} device */
export function deviceName({ displayName, devicePlatform = "" }) {
  const platforms = /** @type {Record<string, string>} */ (TEXT.settings.platforms);
  return displayName || platforms[devicePlatform] || TEXT.settings.unnamed;
}

/**
 * One device, with its actions.
 * @param {Authenticator} device
 * @param {...Node} actions
 */
function row(device, ...actions) {
  const added = fillIn(TEXT.settings.added, { time: timeText(device.createdAt) });
  const used = device.lastVerifiedAt && fillIn(TEXT.choose.used, { time: timeText(device.lastVerifiedAt) });
  const times = h("span", { class: "muted small" }, used || added);
  const name = h("div", { class: "grow" }, h("strong", {}, isolate(deviceName(device))), times);
  return h("li", { class: "device" }, icon("phone"), name, ...actions);
}

export class Settings {
  #push;
  #token;
  #onDone;
  #onRefusal;

  /**
   * @param {Push} push with a token that may change devices
   * @param {string} token the same
   * @param {() => void} onDone
   * @param {(refusal: import("../sdk/http.js").Refusal, retry: () => void) => void} onRefusal
   */
  constructor(push, token, onDone, onRefusal) {
    this.#push = push;
    this.#token = token;
    this.#onDone = onDone;
    this.#onRefusal = onRefusal;
  }

  /** @param {string} [news] the event that has just happened */
  async show(news = "") {
    const result = await this.#push.authenticators();
    if (!result.data) return this.#onRefusal(result, () => void this.show());
    const devices = result.data;
    const only = devices.length === 1;
    const rows = devices.map((device) => {
      const label = fillIn(TEXT.settings.removeNamed, { device: deviceName(device) });
      const remove = button(TEXT.settings.remove, () => this.#ask(device), "quiet");
      remove.setAttribute("aria-label", label);
      return only ? row(device) : row(device, remove);
    });
    view(
      { heading: TEXT.settings.heading, text: fillIn(TEXT.settings.text) },
      h("ul", { class: "devices" }, ...rows),
      only && h("p", { class: "muted small" }, TEXT.settings.last),
      h(
        "div",
        { class: "actions" },
        button(TEXT.settings.done, this.#onDone),
        button(TEXT.settings.add, () => void this.#add(devices.length), "quiet"),
      ),
    );
    announce(news);
  }

  /** @param {Authenticator} device */
  #ask(device) {
    view(
      { badge: ["warning", "warn"], heading: fillIn(TEXT.settings.sure, { device: deviceName(device) }) },
      h(
        "div",
        { class: "actions" },
        button(TEXT.settings.keep, () => void this.show()),
        button(TEXT.settings.remove, () => void this.#remove(device), "danger"),
      ),
    );
  }

  /** @param {Authenticator} device */
  async #remove(device) {
    const { userAuthenticatorId } = device;
    const result = await this.#push.removeAuthenticator({ userAuthenticatorId });
    // A device that is gone already, as from another tab, is as good as removed.
    if (!result.data && result.errorCode !== "invalid_request") {
      return this.#onRefusal(result, () => void this.show());
    }
    return this.show(fillIn(TEXT.settings.removed, { device: deviceName(device) }));
  }

  /** @param {number} before the number of devices */
  async #add(before) {
    view({ heading: TEXT.loading });
    const link = await enrollmentLink(this.#token);
    if (link.data === undefined) return this.#onRefusal(link, () => void this.show());
    const stop = new AbortController();
    const back = () => {
      stop.abort();
      void this.show();
    };
    view(
      { heading: TEXT.enroll.addHeading, text: TEXT.enroll.addText },
      ...enrollmentCode(link.data),
      h("p", { class: "muted small" }, TEXT.enroll.waiting),
      h("div", { class: "actions" }, button(TEXT.enroll.back, back, "quiet")),
    );
    const { devices, refusal } = await newDevice(this.#push, before, stop.signal);
    if (refusal) return this.#onRefusal(refusal, () => void this.show());
    if (devices) return this.show(TEXT.enroll.added);
  }
}
