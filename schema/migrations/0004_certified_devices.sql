-- SPDX-License-Identifier: MIT
-- The phones certified for Tap to Pay on Android in France that the product starts with.

INSERT INTO android_certified_devices
    (manufacturer, model, model_identifier, min_android_version)
VALUES
    ('Samsung', 'Galaxy S21', 'SM-G991B', 11),
    ('Samsung', 'Galaxy S21+', 'SM-G996B', 11),
    ('Samsung', 'Galaxy S21 Ultra', 'SM-G998B', 11),
    ('Samsung', 'Galaxy S22', 'SM-S901B', 12),
    ('Samsung', 'Galaxy S23', 'SM-S911B', 13),
    ('Samsung', 'Galaxy S24', 'SM-S921B', 14),
    ('Google', 'Pixel 6', 'oriole', 12),
    ('Google', 'Pixel 6 Pro', 'raven', 12),
    ('Google', 'Pixel 7', 'panther', 13),
    ('Google', 'Pixel 8', 'shiba', 14);
