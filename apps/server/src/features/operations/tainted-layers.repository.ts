import type { Db } from '../../db/open-database.ts';
import type { TaintedLayer, Taints } from './operations.types.ts';

/** Layers that a commit has begun to change and not brought to its end (qemu-recipes.md §8). */
export const taintedLayersRepository = (db: Db): Taints => {
  const list = db.prepare<[], TaintedLayer>(
    `SELECT image_id AS imageId, operation_id AS operationId, top_image_id AS topId, base_image_id AS baseId
     FROM tainted_layers`,
  );
  const add = db.prepare(
    `INSERT OR REPLACE INTO tainted_layers (image_id, operation_id, top_image_id, base_image_id, at)
     VALUES (@imageId, @operationId, @topId, @baseId, @at)`,
  );
  const clear = db.prepare('DELETE FROM tainted_layers WHERE base_image_id = ?');
  return {
    list: () => list.all(),
    add: (layers) => {
      const at = new Date().toISOString();
      for (const layer of layers) add.run({ ...layer, at });
    },
    clear: (baseId) => void clear.run(baseId),
  };
};
