export { gptTable, mbrTable, memoryDisk, type TestDisk } from './table-writers.ts';
