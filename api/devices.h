/* SPDX-License-Identifier: MIT
 *
 * devices - which phones take cards by themselves: one is checked, or the list is shown.
 *
 * Owns:    nothing
 * Callers: routes
 * Blocks:  never
 *
 * Who asks is charged by address.
 */
#ifndef API_DEVICES_H
#define API_DEVICES_H

struct request;

void devices_check(struct request *request); /* POST /api/devices/check-tap-to-pay */
void devices_list(struct request *request); /* GET /api/devices/certified-android */

#endif
