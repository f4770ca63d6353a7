using Nova.Gateway;
using Nova.ServiceDefaults;

return NovaService.Run(args, builder => builder.AddGateway(), app => app.MapGateway());
