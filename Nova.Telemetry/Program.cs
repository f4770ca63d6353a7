using Nova.Telemetry;
using Nova.ServiceDefaults;

return NovaService.Run(args, builder => builder.AddTelemetry(), app => app.MapTelemetry());
