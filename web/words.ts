// SPDX-License-Identifier: Apache-2.0
// Numbers as people read them.

const whole = new Intl.NumberFormat('en');
const fine = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });

export const count = (n: number): string => whole.format(n);
export const number = (n: number): string => n >= 1000 ? whole.format(Math.round(n)) : fine.format(n);

/** "100 × 92 × 67.6 mm" */
export const size = (mm: readonly number[]): string => `${mm.map(number).join(' × ')} mm`;

export function volume(mm3: number): string {
    return mm3 < 1000 ? `${number(mm3)} mm³` : `${number(mm3 / 1000)} cm³`;
}

export function area(mm2: number): string {
    return mm2 < 100 ? `${number(mm2)} mm²` : `${number(mm2 / 100)} cm²`;
}

export function bytes(n: number): string {
    return n < 1000 ? `${n} B` : n < 1e6 ? `${number(n / 1000)} kB` : `${number(n / 1e6)} MB`;
}

export function seconds(s: number): string {
    return s < 90 ? `${s < 10 ? fine.format(Math.round(s * 100) / 100) : Math.round(s)} s` : `${Math.round(s / 60)} min`;
}

/** "about 4 to 6 s left"; null when nothing is known. */
export function eta(low: number, high: number): string | null {
    if (!(high > 0))
        return null;
    const [a, b] = [Math.max(1, Math.round(low)), Math.max(1, Math.round(high))];
    if (b < 2)
        return 'about a second left';
    if (b < 90)
        return a === b ? `about ${a} s left` : `about ${a} to ${b} s left`;
    const [m, n] = [Math.max(1, Math.round(a / 60)), Math.round(b / 60)];
    return m === n ? `about ${m} min left` : `about ${m} to ${n} min left`;
}

/** "just now", "5 min ago", "yesterday", a date. */
export function ago(time: string, now = Date.now()): string {
    const minutes = (now - Date.parse(time)) / 60000;
    if (!Number.isFinite(minutes))
        return '';
    if (minutes < 1)
        return 'just now';
    if (minutes < 60)
        return `${Math.floor(minutes)} min ago`;
    if (minutes < 24 * 60)
        return `${Math.floor(minutes / 60)} h ago`;
    return new Date(time).toLocaleDateString('en', { day: 'numeric', month: 'short' });
}

/** "back-depth" -> "Back depth" */
export function title(name: string): string {
    const words = name.replaceAll('-', ' ');
    return words.charAt(0).toUpperCase() + words.slice(1);
}
