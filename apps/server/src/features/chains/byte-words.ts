const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** As the steps of a plan say it: `512 bytes`, `1.5 MiB`. */
export const byteWords = (bytes: number): string => {
  const power = bytes < 1024 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  const text = power === 0 || value >= 100 ? String(Math.round(value)) : String(Number(value.toFixed(1)));
  return `${text} ${bytes === 1 ? 'byte' : units[power]}`;
};
