/** What the images of a VM's disk are named after: `web`, `web-disk2`; what comes later is numbered: `web-disk2-2`. */
export const diskStem = (vmName: string, position: number): string =>
  position <= 0 ? vmName : `${vmName}-disk${position + 1}`;
