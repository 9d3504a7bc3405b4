/** Hands a file to the browser's downloads. */
export function saveBlob(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** `web-7 2026-11-23 08.12.05.png`: sorts by time and is a valid name everywhere. */
export function screenshotName(vmName: string, at: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  const time = `${two(at.getHours())}.${two(at.getMinutes())}.${two(at.getSeconds())}`;
  const safe = vmName.replace(/[^\p{L}\p{N} ._-]+/gu, '-').replace(/^[.\s-]+/, '') || 'screen';
  return `${safe} ${day} ${time}.png`;
}
