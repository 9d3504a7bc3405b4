export * from './extents.ts';
export * from './forest.ts';
export * from './plan.ts';
