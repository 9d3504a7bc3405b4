export * from './apply.ts';
export * from './forests.ts';
export * from './generators.ts';
export * from './model.ts';
export * from './readings.ts';
export * from './steps.ts';
