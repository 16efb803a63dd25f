"""What the compiled JSON files hold, declared once: the compiler prints them from these types, and all that runs reads them with them."""

from headrace.compiled.access import AccessConfig, AuthConfig, JwtConfig, RateConfig, ScopesConfig, TlsConfig, TracingConfig
from headrace.compiled.card import AlertOwnersConfig, CardConfig
from headrace.compiled.config import Config
from headrace.compiled.deploy import AutomationConfig, CronConfig, DeployConfig, DeploymentConfig, IntervalConfig, ScheduleConfig
from headrace.compiled.file import (
    BACKFILL,
    FLAGS,
    HEADER,
    OF_PROJECT,
    WORKSPACE,
    is_compiled,
    of_model,
    parse,
    read,
    read_serving,
    read_workspace,
)
from headrace.compiled.flag import FlagConfig, FlagRuleConfig, FlagsConfig, FlagValue
from headrace.compiled.governance import (
    ApprovalConfig,
    BreakGlassConfig,
    GovernanceConfig,
    GovernedConfig,
    PolicyConfig,
    RequirementConfig,
)
from headrace.compiled.journal import JournalConfig, JournalLogConfig
from headrace.compiled.limits import LimitsConfig
from headrace.compiled.middleware import MiddlewareConfig
from headrace.compiled.replicas import ReplicasConfig
from headrace.compiled.routing import CacheConfig, ShadowConfig
from headrace.compiled.runner import ADDRESS as RUNNER_ADDRESS
from headrace.compiled.runner import DaskConfig, RunnerConfig, near
from headrace.compiled.serving import InputConfig, JudgeConfig, RolloutConfig, ServingConfig
from headrace.compiled.workspace import (
    ArrivalConfig,
    AuditConfig,
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
    "BACKFILL",
    "FLAGS",
    "HEADER",
    "OF_PROJECT",
    "RUNNER_ADDRESS",
    "WORKSPACE",
    "AccessConfig",
    "AlertOwnersConfig",
    "ApprovalConfig",
    "ArrivalConfig",
    "AuditConfig",
    "AuthConfig",
    "AutomationConfig",
    "BreakGlassConfig",
    "CacheConfig",
    "CardConfig",
    "ChannelConfig",
    "CheckConfig",
    "ColumnConfig",
    "Config",
    "CronConfig",
    "DaskConfig",
    "DeployConfig",
    "DeploymentConfig",
    "FeatureConfig",
    "FlagConfig",
    "FlagRuleConfig",
    "FlagValue",
    "FlagsConfig",
    "GovernanceConfig",
    "GovernedConfig",
    "InputConfig",
    "IntervalConfig",
    "JournalConfig",
    "JournalLogConfig",
    "JudgeConfig",
    "JwtConfig",
    "LimitsConfig",
    "MiddlewareConfig",
    "OnlineConfig",
    "PluginsConfig",
    "PolicyConfig",
    "RateConfig",
    "ReplicasConfig",
    "RequirementConfig",
    "RolloutConfig",
    "RunnerConfig",
    "ScheduleConfig",
    "ScopesConfig",
    "ServingConfig",
    "ShadowConfig",
    "SourceConfig",
    "TlsConfig",
    "TracingConfig",
    "TrackingConfig",
    "ViewConfig",
    "WorkspaceConfig",
    "is_compiled",
    "near",
    "of_model",
    "owner",
    "parse",
    "read",
    "read_serving",
    "read_workspace",
]
