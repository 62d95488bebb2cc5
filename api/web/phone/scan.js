// Reads a QR code with the camera: by the browser's own detector, or by a kept library where there is none.

/** Milliseconds between two looks. */
const LOOK_MS = 150;

/** @typedef {{ detect(image: any): Promise<{ rawValue: string }[]> }} Detector */

/** @returns {Promise<Detector>} */
async function detector() {
  const native = /** @type {any} */ (globalThis).BarcodeDetector;
  const formats = native ? await native.getSupportedFormats().catch(() => []) : [];
  const Chosen = formats.includes("qr_code") ? native : (await import("../vendor/qr/decode.js")).BarcodeDetector;
  return new Chosen({ formats: ["qr_code"] });
}

/**
 * Shows the camera's picture and looks for a code until one is found, or `stop` is aborted.
 * @param {HTMLVideoElement} video
 * @param {AbortSignal} stop
 * @returns {Promise<string | undefined>} the text of the code
 */
export async function scan(video, stop) {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  const end = () => stream.getTracks().forEach((track) => track.stop());
  try {
    if (stop.aborted) return undefined;
    video.srcObject = stream;
    await video.play();
    const found = await detector();
    while (!stop.aborted) {
      const codes = await found.detect(video).catch(() => []);
      const [code] = codes;
      if (code) return code.rawValue;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    return undefined;
  } finally {
    end();
  }
}

/**
 * The ticket or token of an enrollment link, however it came in: a link of this server, or of another that has the same
 * phone. A bare token is accepted too.
 * @param {string} text
 * @returns {string | undefined}
 */
export function tokenOf(text) {
  const trimmed = text.trim();
  if (/^[\w-]{40,}\.[\w-]{43}$/.test(trimmed)) return trimmed;
  const at = trimmed.indexOf("#");
  if (at < 0) return undefined;
  return new URLSearchParams(trimmed.slice(at + 1)).get("enroll") ?? undefined;
}
