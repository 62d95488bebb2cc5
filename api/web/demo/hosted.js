// The pre-built page in a window, as the official SDK's `launch(url, { mode: "window" })` does it; unlike there, a
// window that is closed is noticed.

/** Opens a window, to be filled once the address is known. */
export function hosted() {
  const page = window.open("", "countersign-page", "width=440,height=640");
  return {
    close: () => page?.close(),
    /**
     * Shows the page and waits for its end.
     * @param {string} url
     * @returns {Promise<string | undefined>} the token, whatever the answer was; none if the window was closed
     */
    show: (url) =>
      new Promise((resolve) => {
        if (!page) return resolve(undefined);
        const watch = setInterval(() => page.closed && end(undefined), 300);
        /** @param {MessageEvent} event */
        const hear = ({ origin, data }) => {
          if (origin !== new URL(url).origin || typeof data !== "string") return;
          const { event, token } = JSON.parse(data);
          if (event === "AUTHSIGNAL_CLOSE_POPUP") end(token);
        };
        /** @param {string | undefined} token */
        const end = (token) => {
          clearInterval(watch);
          window.removeEventListener("message", hear);
          page.close();
          resolve(token);
        };
        window.addEventListener("message", hear);
        page.location.href = `${url}&mode=popup`;
      }),
  };
}
