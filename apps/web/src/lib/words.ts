import { en } from '../words/en.ts';

/** The words of the page. A second language is one more object of the same type, chosen here. */
export const words = en;
export type Words = typeof en;
