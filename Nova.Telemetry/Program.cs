using Nova.ServiceDefaults;
using Nova.Telemetry;

return NovaService.Run(args, builder => builder.AddTelemetry(), app => app.MapTelemetry());
