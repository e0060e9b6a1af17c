# SPDX-License-Identifier: MIT OR Apache-2.0
from atomik.Edge.Climate import Sensor
from atomik_core import DeviceTable

sensor = Sensor(DeviceTable.from_fd(3, table_id=1), 2)  # number 2: contexts 8 to 11
sensor.update(temperature=29465, humidity=4130)  # both, or neither
sensor.set_flags_bit(0)  # heating
