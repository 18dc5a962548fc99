// SPDX-License-Identifier: Apache-2.0
// The pictures of the next job: chosen, dropped or pasted; with more than one, the side each was taken from.
import { at, h, icon } from './dom.js';

interface Picture {
    file: File;
    url: string;
    yaw: number; // degrees to the viewer's right of the front
}

const sides: [string, number][] = [
    ['Front', 0], ['Front right', 45], ['Right', 90], ['Back right', 135],
    ['Back', 180], ['Back left', 225], ['Left', 270], ['Front left', 315],
];
const usual = [0, 90, 180, 270, 45, 135, 225, 315];

/** The side a file's name tells, else the first usual one that is free. */
function guess(name: string, taken: number[]): number {
    const word = /front|right|back|rear|left/i.exec(name)?.[0].toLowerCase();
    const told = word && { front: 0, right: 90, back: 180, rear: 180, left: 270 }[word];
    if (told !== undefined && told !== '' && !taken.includes(told))
        return told;
    return usual.find(yaw => !taken.includes(yaw)) ?? 0;
}

export class Pictures {
    private list: Picture[] = [];

    /** `arrived` when files came in, `changed` when one was removed or turned. */
    constructor(private readonly strip: HTMLElement, private readonly arrived: (beside: boolean) => void, private readonly changed: () => void) {
        const files = at<HTMLInputElement>('files');
        files.addEventListener('change', () => {
            this.take([...files.files ?? []], files.dataset['add'] === 'yes');
            files.value = '';
        });
        at('choose').addEventListener('click', () => this.choose(false));
        document.addEventListener('paste', event => this.take([...event.clipboardData?.files ?? []], false));
        this.listenToDrops();
        this.render();
    }

    get count(): number {
        return this.list.length;
    }

    get first(): Picture | undefined {
        return this.list[0];
    }

    /** Puts files in place of those before, or beside them. */
    take(files: File[], add: boolean): void {
        if (!files.length)
            return;
        const beside = add && this.list.length > 0;
        if (!beside)
            this.clear();
        for (const file of files)
            this.list.push({ file, url: URL.createObjectURL(file), yaw: guess(file.name, this.list.map(other => other.yaw)) });
        this.render();
        this.arrived(beside);
    }

    clear(): void {
        for (const picture of this.list)
            URL.revokeObjectURL(picture.url);
        this.list = [];
        this.render();
    }

    /** Adds what the API wants to know; sides only where they mean something. */
    fill(form: FormData, withSides: boolean): void {
        const field = this.list.length === 1 ? 'image' : 'images';
        for (const { file } of this.list)
            form.append(field, file, file.name);
        if (withSides && this.list.length > 1)
            form.append('views', this.list.map(picture => picture.yaw).join(','));
    }

    private choose(add: boolean): void {
        const files = at<HTMLInputElement>('files');
        files.dataset['add'] = add ? 'yes' : 'no';
        files.click();
    }

    private listenToDrops(): void {
        const cover = at('cover');
        let depth = 0;
        const carries = (event: DragEvent): boolean => event.dataTransfer?.types.includes('Files') ?? false;
        const show = (n: number): void => {
            depth = n;
            cover.hidden = depth <= 0;
        };
        window.addEventListener('dragenter', event => carries(event) && show(depth + 1));
        window.addEventListener('dragleave', event => carries(event) && show(depth - 1));
        window.addEventListener('dragover', event => {
            if (carries(event))
                event.preventDefault();
        });
        window.addEventListener('drop', event => {
            if (!carries(event))
                return;
            event.preventDefault();
            show(0);
            this.take([...event.dataTransfer?.files ?? []], false);
        });
    }

    private render(): void {
        const many = this.list.length > 1;
        this.strip.replaceChildren(...this.list.map((picture, i) => this.card(picture, i, many)), this.adder());
    }

    private card(picture: Picture, i: number, many: boolean): HTMLElement {
        const name = picture.file.name || `picture ${i + 1}`;
        const image = h('img', { src: picture.url, alt: name });
        image.addEventListener('error', () => image.replaceWith(h('span', { class: 'unseen' }, name.split('.').pop() ?? '?')));
        const remove = h('button', {
            type: 'button', class: 'remove', 'aria-label': `Remove ${name}`, title: 'Remove',
            onclick: () => {
                URL.revokeObjectURL(picture.url);
                this.list.splice(i, 1);
                this.render();
                this.changed();
            },
        }, icon('M7 7l10 10M17 7 7 17'));
        return h('li', { class: 'card' }, image, remove, many && this.sideOf(picture, name));
    }

    private sideOf(picture: Picture, name: string): HTMLElement {
        const select = h('select', {
            'aria-label': `Side seen in ${name}`,
            onchange: () => {
                picture.yaw = Number(select.value);
                this.changed();
            },
        }, ...sides.map(([title, yaw]) => h('option', { value: yaw, selected: yaw === picture.yaw }, title)));
        return select;
    }

    private adder(): HTMLElement {
        const some = this.list.length > 0;
        return h('li', {}, h('button', { type: 'button', class: 'card add', onclick: () => this.choose(some) },
            icon('M12 6v12M6 12h12'), some ? 'Add a side' : 'Add a picture'));
    }
}
