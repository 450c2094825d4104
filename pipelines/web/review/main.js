/** A page. */

import { readData } from "../shared/dom.js";

document.title = String(readData().title);
