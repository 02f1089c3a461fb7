// The sections of the operator area. Each fills an element, and may hear what the assistant tells.

import { care } from "./operator-care.js";
import { knowledge } from "./operator-knowledge.js";
import { models } from "./operator-models.js";
import { records } from "./operator-records.js";
import { sound } from "./operator-sound.js";
import { turns } from "./operator-turns.js";
import { update } from "./operator-update.js";

export const PANELS = { sound, turns, update, models, knowledge, care, records };
