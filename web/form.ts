// SPDX-License-Identifier: Apache-2.0
// The form is made from the generators' parameter tables: a parameter that the engine learns tomorrow is here tomorrow.
import type { Generator, Generators, Parameter } from './api.js';
import { h } from './dom.js';
import { title } from './words.js';

export interface Field {
    parameter: Parameter;
    element: HTMLElement;
    read: () => string;
    write: (value: string) => void;
    /** null: fine; else what is wrong. */
    check: () => string | null;
    fault: (message: string | null) => void;
}

const shownCommon = ['quality', 'size']; // the others wait under "More"
const shownOwn = 3; // of a generator's own: its table names the telling ones first

/** Few short choices stand side by side; more become a list. */
function fitsInARow(choices: string[]): boolean {
    return choices.length <= 4 && choices.join('').length <= 24;
}

export class Form {
    private readonly common: Map<string, Field>;
    private own = new Map<string, Field>();
    private readonly method: HTMLSelectElement;
    private readonly about = h('p', { class: 'help', id: 'about-method' });
    private more: HTMLDetailsElement | null = null;

    constructor(private readonly host: HTMLElement, private readonly table: Generators, private readonly changed: () => void) {
        this.common = new Map(table.common.map(parameter => [parameter.name, makeField(parameter, changed)]));
        this.method = h('select', { id: 'method', 'aria-describedby': 'about-method', onchange: () => this.choose(this.method.value) },
            ...table.generators.map(generator => h('option', { value: generator.name }, title(generator.title))));
        this.choose('auto');
    }

    get generator(): Generator {
        const found = this.table.generators.find(generator => generator.name === this.method.value) ?? this.table.generators[0];
        if (!found)
            throw new Error('the server offers no generators');
        return found;
    }

    titleOf(name: string): string {
        return title(this.table.generators.find(generator => generator.name === name)?.title ?? name);
    }

    choose(name: string): void {
        this.method.value = name;
        const { parameters, help } = this.generator;
        this.about.textContent = help;
        this.own = new Map(parameters.map(parameter => [parameter.name, makeField(parameter, this.changed)]));
        const all = [...this.own.values()];
        const front = [...shownCommon.map(shown => this.common.get(shown)), ...all.slice(0, shownOwn)];
        const rest = [...all.slice(shownOwn), ...[...this.common.values()].filter(field => !front.includes(field))];
        const open = this.more?.open ?? false;
        this.more = h('details', { class: 'more', open }, h('summary', {}, 'More settings'), ...rest.map(field => field.element),
            h('button', { type: 'button', class: 'quiet', onclick: () => this.reset() }, 'Back to the defaults'));
        this.host.replaceChildren(h('div', { class: 'field' }, h('label', { for: 'method' }, 'Method'), this.method, this.about),
            ...front.flatMap(field => field ? [field.element] : []), this.more);
        this.changed();
    }

    /** Adds what differs from the defaults. */
    fill(form: FormData): void {
        form.append('generator', this.generator.name);
        for (const [name, field] of this.fields())
            if (field.read() !== field.parameter.default)
                form.append(name, field.read());
    }

    /** Whether all can be sent; what cannot says why, and the first gets the focus. */
    check(): boolean {
        let first: Field | null = null;
        for (const field of this.fields().values()) {
            const message = field.check();
            field.fault(message);
            if (message)
                first ??= field;
        }
        this.lead(first);
        return !first;
    }

    /** Shows what the server says of single parameters ("#/parameters/size" or "size"). */
    blame(faults: { pointer: string; detail: string }[]): void {
        let first: Field | null = null;
        for (const { pointer, detail } of faults) {
            const field = this.fields().get(pointer.split('/').pop() ?? '');
            field?.fault(detail);
            first ??= field ?? null;
        }
        this.lead(first);
    }

    private lead(field: Field | null): void {
        if (!field)
            return;
        if (this.more?.contains(field.element))
            this.more.open = true;
        field.element.querySelector<HTMLElement>('input, select')?.focus();
    }

    private reset(): void {
        for (const field of this.fields().values()) {
            field.write(field.parameter.default);
            field.fault(null);
        }
        this.changed();
    }

    private fields(): Map<string, Field> {
        return new Map([...this.common, ...this.own]);
    }
}

// --- One field for each type ------------------------------------------------------------------------------

/** `prefix` keeps its id apart from those of another form. */
export function makeField(parameter: Parameter, changed: () => void, prefix = 'p'): Field {
    const make = parameter.type === 'bool' ? makeSwitch : parameter.type === 'choice' ? makeChoice : makeInput;
    const field = make(parameter, `${prefix}-${parameter.name}`);
    field.element.addEventListener('change', () => {
        field.fault(field.check());
        changed();
    });
    return field;
}

function frame(parameter: Parameter, id: string, tag: 'div' | 'fieldset', ...inside: HTMLElement[]): Pick<Field, 'parameter' | 'element' | 'fault'> {
    const message = h('p', { class: 'fault', id: `${id}-fault`, hidden: true });
    const element = h(tag, { class: 'field' }, ...inside, h('p', { class: 'help', id: `${id}-help` }, parameter.help), message);
    const fault = (text: string | null): void => {
        message.hidden = !text;
        message.textContent = text;
        for (const input of element.querySelectorAll('input, select')) {
            input.setAttribute('aria-invalid', text ? 'true' : 'false');
            input.setAttribute('aria-describedby', text ? `${id}-help ${id}-fault` : `${id}-help`);
        }
    };
    fault(null);
    return { parameter, element, fault };
}

function makeSwitch(parameter: Parameter, id: string): Field {
    const input = h('input', { type: 'checkbox', id });
    const write = (value: string): void => { input.checked = value === 'true'; };
    write(parameter.default);
    return {
        ...frame(parameter, id, 'div', h('label', { class: 'check' }, input, title(parameter.name))),
        read: () => String(input.checked), write, check: () => null,
    };
}

function makeChoice(parameter: Parameter, id: string): Field {
    const choices = parameter.choices ?? [];
    if (!fitsInARow(choices)) {
        const select = h('select', { id }, ...choices.map(choice => h('option', { value: choice }, title(choice))));
        select.value = parameter.default;
        return {
            ...frame(parameter, id, 'div', h('label', { for: select.id }, title(parameter.name)), select),
            read: () => select.value, write: value => { select.value = value; }, check: () => null,
        };
    }
    const radios = choices.map(choice => h('input', { type: 'radio', name: id, value: choice, class: 'sr' }));
    const write = (value: string): void => {
        for (const radio of radios)
            radio.checked = radio.value === value;
    };
    write(parameter.default);
    const row = h('div', { class: 'row' }, ...radios.map(radio => h('label', {}, radio, h('span', {}, title(radio.value)))));
    return {
        ...frame(parameter, id, 'fieldset', h('legend', {}, title(parameter.name)), row),
        read: () => radios.find(radio => radio.checked)?.value ?? parameter.default, write, check: () => null,
    };
}

const signs: Record<string, string> = { degrees: '°' };

function makeInput(parameter: Parameter, id: string): Field {
    const { name, minimum, maximum, type } = parameter;
    const numeric = type !== 'text' && type !== 'list';
    const span = (maximum ?? 0) - (minimum ?? 0);
    const input = h('input', {
        type: numeric ? 'number' : 'text', id, value: parameter.default, autocomplete: 'off',
        ...numeric && { min: minimum, max: maximum, inputmode: 'decimal', step: type === 'int' || span > 100 ? 1 : span > 10 ? 0.5 : 0.05 },
    });
    const unit = parameter.unit && (signs[parameter.unit] ?? parameter.unit);
    const range = numeric && minimum !== undefined && maximum !== undefined && maximum <= 1e6 && `${minimum} to ${maximum}`;
    const label = h('label', { for: input.id }, title(name), range && h('span', { class: 'range' }, range));
    const check = (): string | null => {
        const { badInput, rangeUnderflow, rangeOverflow } = input.validity;
        if (!numeric || input.value !== '' && !badInput && !rangeUnderflow && !rangeOverflow)
            return null;
        return `A number from ${minimum} to ${maximum}${unit ? ` ${unit}` : ''}, please.`;
    };
    return {
        ...frame(parameter, id, 'div', label, unit ? h('div', { class: 'united' }, input, h('span', {}, unit)) : input),
        read: () => input.value, write: value => { input.value = value; }, check,
    };
}
