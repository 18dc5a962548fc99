// SPDX-License-Identifier: Apache-2.0
import {Scene} from "three"; export const scene = new Scene();
