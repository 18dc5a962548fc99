// SPDX-License-Identifier: Apache-2.0
// The bed under the asset: a grid in millimetres with numbers along two sides, and the shadow it catches.
import {
    BufferGeometry, CanvasTexture, Color, Float32BufferAttribute, Group, LineBasicMaterial, LineSegments, Mesh,
    MeshBasicMaterial, PlaneGeometry, ShadowMaterial, SRGBColorSpace,
} from 'three';

export interface Inks {
    minor: string;
    major: string;
    text: string;
    shadow: number; // opacity
}

const steps = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

/** Cells of a size that people count in: at most 40 along a side. */
export function cellOf(extent: number): number {
    return steps.find(step => extent / step <= 40) ?? 1000;
}

/** A square bed for an asset that reaches `reach` mm from the centre. */
export function makeBed(reach: number, inks: Inks): Group {
    const cell = cellOf(reach * 2.6);
    const major = cell * 5;
    const half = Math.ceil(reach * 1.3 / major) * major;
    const bed = new Group();
    bed.add(lines(half, cell, inks.minor, n => n % 5 !== 0), lines(half, cell, inks.major, n => n % 5 === 0));
    for (let at = 0; at <= 2 * half; at += 2 * major) {
        bed.add(label(String(round(at)), at - half, half + major * 0.32, major * 0.36, inks.text));
        if (at > 0)
            bed.add(label(String(round(at)), half + major * 0.4, half - at, major * 0.36, inks.text));
    }
    bed.add(label('mm', half + major * 0.4, half + major * 0.32, major * 0.36, inks.text));
    bed.add(shadow(half * 2, inks.shadow));
    return bed;
}

function round(value: number): number {
    return Math.round(value * 10) / 10;
}

function lines(half: number, cell: number, ink: string, wanted: (n: number) => boolean): LineSegments {
    const points: number[] = [];
    const n = Math.round(half / cell);
    for (let i = -n; i <= n; i++)
        if (wanted(i))
            points.push(i * cell, 0, -half, i * cell, 0, half, -half, 0, i * cell, half, 0, i * cell);
    const geometry = new BufferGeometry().setAttribute('position', new Float32BufferAttribute(points, 3));
    return new LineSegments(geometry, new LineBasicMaterial({ color: new Color(ink), toneMapped: false }));
}

function label(text: string, x: number, z: number, height: number, ink: string): Mesh {
    const canvas = document.createElement('canvas');
    canvas.width = 192;
    canvas.height = 64;
    const pen = canvas.getContext('2d');
    if (pen) {
        pen.font = '500 40px system-ui, sans-serif';
        pen.textAlign = 'center';
        pen.textBaseline = 'middle';
        pen.fillStyle = ink;
        pen.fillText(text, 96, 34);
    }
    const map = new CanvasTexture(canvas);
    map.colorSpace = SRGBColorSpace;
    map.anisotropy = 4;
    const plate = new Mesh(new PlaneGeometry(height * 3, height),
        new MeshBasicMaterial({ map, transparent: true, depthWrite: false, toneMapped: false }));
    plate.rotation.x = -Math.PI / 2;
    plate.position.set(x, 0, z);
    return plate;
}

function shadow(side: number, opacity: number): Mesh {
    const floor = new Mesh(new PlaneGeometry(side, side), new ShadowMaterial({ opacity, depthWrite: false }));
    floor.rotation.x = -Math.PI / 2;
    floor.receiveShadow = true;
    floor.renderOrder = -1;
    return floor;
}
