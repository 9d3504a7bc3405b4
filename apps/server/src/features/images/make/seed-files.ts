import type { MakeSeed } from '@strata/contract';
import { newId } from '../../../new-id.ts';

const closed = (text: string): string => (text.endsWith('\n') ? text : `${text}\n`);

/** The files of a NoCloud seed. Without meta-data cloud-init takes no notice of any of them. */
export const seedFiles = ({ userData, metaData, networkConfig }: MakeSeed): Record<string, string> => ({
  'user-data': closed(userData),
  'meta-data': closed(metaData ?? `instance-id: strata-${newId()}`),
  ...(networkConfig === undefined ? {} : { 'network-config': closed(networkConfig) }),
});
