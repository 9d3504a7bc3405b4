import { Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { hostQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';

/** A thin image promises more than its disk has: no mistake, and worth knowing. */
export function PromiseNote({ bytes, folder }: { bytes: number; folder: string | undefined }) {
  const place = useQuery(hostQuery()).data?.storage.find(({ path }) => path === folder);
  return place !== undefined && bytes > place.free ? (
    <Text size="sm" c="amber" role="status">
      {words.library.create.promise(bytes, place.free)}
    </Text>
  ) : null;
}
