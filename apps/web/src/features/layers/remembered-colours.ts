import { assignColours, type LayerColours } from './layer-colours.ts';

const storageKey = 'strata.layer-colours';
/** The latest; more than anybody looks at in one sitting. */
const most = 2000;

let remembered: ReadonlyMap<string, number> = read();

function read(): ReadonlyMap<string, number> {
  try {
    const stored = JSON.parse(sessionStorage.getItem(storageKey) ?? '[]') as unknown;
    return new Map(Array.isArray(stored) ? stored.filter(isEntry) : []);
  } catch {
    return new Map();
  }
}

const isEntry = (entry: unknown): entry is [string, number] =>
  Array.isArray(entry) && typeof entry[0] === 'string' && Number.isInteger(entry[1]);

/** Colours for a drawing of what might become: nothing is remembered of it. */
export const previewColours = (chain: readonly string[]): LayerColours => assignColours(chain, remembered);

/** The colours of a chain (ids, top first), the same in every view of this tab, also after it was loaded again. */
export function rememberedColours(chain: readonly string[]): LayerColours {
  const colours = assignColours(chain, remembered);
  const isNew = [...colours.keys()].some((id) => !remembered.has(id));
  if (!isNew) return colours;
  remembered = new Map([...remembered, ...colours].slice(-most));
  try {
    sessionStorage.setItem(storageKey, JSON.stringify([...remembered]));
  } catch {
    // Without storage they are remembered as long as the page is open.
  }
  return colours;
}
