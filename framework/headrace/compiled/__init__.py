"""What the compiled JSON files hold, declared once: the compiler prints them from these types, and all that runs reads them with them."""

from headrace.compiled.config import Config
from headrace.compiled.deploy import AutomationConfig, CronConfig, DeployConfig, DeploymentConfig, IntervalConfig, ScheduleConfig
from headrace.compiled.file import HEADER, WORKSPACE, is_compiled, of_model, parse, read, read_serving, read_workspace
from headrace.compiled.limits import LimitsConfig
from headrace.compiled.serving import InputConfig, JudgeConfig, RolloutConfig, ServingConfig
from headrace.compiled.workspace import (
    ArrivalConfig,
    ChannelConfig,
    CheckConfig,
    ColumnConfig,
    FeatureConfig,
    OnlineConfig,
    PluginsConfig,
    SourceConfig,
    TrackingConfig,
    ViewConfig,
    WorkspaceConfig,
    owner,
)

__all__ = [
    "HEADER",
    "WORKSPACE",
    "ArrivalConfig",
    "AutomationConfig",
    "ChannelConfig",
    "CheckConfig",
    "ColumnConfig",
    "Config",
    "CronConfig",
    "DeployConfig",
    "DeploymentConfig",
    "FeatureConfig",
    "InputConfig",
    "IntervalConfig",
    "JudgeConfig",
    "LimitsConfig",
    "OnlineConfig",
    "PluginsConfig",
    "RolloutConfig",
    "ScheduleConfig",
    "ServingConfig",
    "SourceConfig",
    "TrackingConfig",
    "ViewConfig",
    "WorkspaceConfig",
    "is_compiled",
    "of_model",
    "owner",
    "parse",
    "read",
    "read_serving",
    "read_workspace",
]
