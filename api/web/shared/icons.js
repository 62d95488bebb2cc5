// Pictures of one stroke each, in the colour of the text around them. They say nothing that the text does not.

/** @type {Record<string, string>} */
const PATHS = {
  check: "M5 12.5l4.5 4.5L19 7.5",
  cross: "M6.5 6.5l11 11M17.5 6.5l-11 11",
  clock: "M12 7v5l3.5 2M12 3.5a8.5 8.5 0 100 17 8.5 8.5 0 000-17z",
  phone: "M8 3.5h8a1.5 1.5 0 011.5 1.5v14a1.5 1.5 0 01-1.5 1.5H8A1.5 1.5 0 016.5 19V5A1.5 1.5 0 018 3.5zM11 17.8h2",
  shield: "M12 3.5l7 2.5v5.5c0 4.2-2.8 7.4-7 9-4.2-1.6-7-4.8-7-9V6z",
  warning: "M12 9v4.5M12 16.6v.4M12 4.5L3.8 18.8h16.4z",
  offline: "M4 4l16 16M8.5 13.8a5 5 0 015.4-1M5.2 10.4a9.6 9.6 0 014-2.4M12.8 7.5a9.6 9.6 0 016 2.9M12 17.6v.4",
  person: "M12 4.5a3.8 3.8 0 110 7.6 3.8 3.8 0 010-7.6zM4.8 19.5c.9-3.2 3.7-5 7.2-5s6.3 1.8 7.2 5",
  scan: "M4 8.5V5.5A1.5 1.5 0 015.5 4h3M15.5 4h3A1.5 1.5 0 0120 5.500V8.500M20 15.500V18.500A1.500 1.500 0 0118.500 20H15.500M8.500 20H5.500A1.500 1.500 0 014 18.500V15.500M7.500 12h9",
  place: "M12 20.500c4-4.200 6-7.300 6-10a6 6 0 10-12 0c0 2.700 2 5.800 6 10zM12 8.600a2 2 0 110 4 2 2 0 010-4z",
  device: "M4.500 5.500h15v10h-15zM9 19.500h6M12 15.500v4",
  bag: "M6 8.500h12l1 11.500H5zM9 8.500V7a3 3 0 016 0v1.500",
  bank: "M4 9.500L12 4.500l8 5zM6 9.500v7.500M10 9.500v7.500M14 9.500v7.500M18 9.500v7.500M4 19.500h16",
};

const SVG = "http://www.w3.org/2000/svg";

/**
 * @param {string} name
 * @param {string} [kind] a class more
 */
export function icon(name, kind = "") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", `icon ${kind}`.trim());
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name] ?? "");
  svg.append(path);
  return svg;
}
