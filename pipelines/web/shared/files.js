/** Files that a page hands to its user, and takes back. */

import { make } from "./dom.js";

/**
 * Offer a file to be saved.
 *
 * @param {string} name
 * @param {string} content
 * @param {string} type - Such as "text/csv".
 */
export function saveFile(name, content, type) {
  const address = URL.createObjectURL(new Blob([content], { type }));
  make("a", { href: address, download: name }).click();
  // Browsers begin to save at once, and need the address a little longer.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

/**
 * Let the user choose a file, and read it.
 *
 * @param {string} accept - Such as ".json".
 * @param {(content: string, name: string) => void} take - Is given what is in it.
 */
export function openFile(accept, take) {
  const input = make("input", { type: "file", accept });
  input.addEventListener("change", async () => {
    const [file] = input.files ?? [];
    if (file) take(await file.text(), file.name);
  });
  input.click();
}

/**
 * Turn pictures in base64 into addresses that an image can show.
 *
 * @param {string} content - Of a WebP file, in base64; empty for none.
 * @returns {string}
 */
export function pictureAddress(content) {
  return content && `data:image/webp;base64,${content}`;
}
