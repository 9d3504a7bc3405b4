/** Trees of the system, where no image of a person lies and where reading or writing does other things. */
const systemTrees = [
  '/proc',
  '/sys',
  '/dev',
  '/run',
  '/etc',
  '/boot',
  '/bin',
  '/sbin',
  '/lib',
  '/lib32',
  '/lib64',
  '/usr',
];
/** Removable disks are mounted below /run by udisks; /dev/shm is a plain folder in memory. */
const allowedTrees = ['/run/media', '/dev/shm', '/usr/local', '/usr/share'];

export const isWithin = (path: string, tree: string): boolean =>
  path === tree || path.startsWith(tree.endsWith('/') ? tree : `${tree}/`);

export const isSystemPath = (path: string): boolean =>
  path === '/' ||
  (systemTrees.some((tree) => isWithin(path, tree)) && !allowedTrees.some((tree) => isWithin(path, tree)));

/** The trash of a folder on another disk. What lies there is known from the books only, and may go for good. */
export const trashName = '.strata-trash';
