import { words } from '../../lib/words.ts';
import type { Preset } from './new-vm-form.ts';
import { RadioCards } from './radio-cards.tsx';

export function PresetCards({ value, onChange }: { value: Preset; onChange: (preset: Preset) => void }) {
  return (
    <RadioCards label={words.newVm.system} value={value} choices={words.newVm.presets} onChange={onChange} />
  );
}
